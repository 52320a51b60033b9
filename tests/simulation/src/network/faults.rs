//! What goes wrong between an operator and the API server: by chance at given rates, or as told.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Asked, LATENCY};
use crate::seeded_random::Chance;

/// How often what goes wrong, as probabilities of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Writes that are refused with 409.
    pub conflict: f64,
    /// Requests that are refused with 429, 500, 503 or 504.
    pub busy: f64,
    /// Writes that take effect, and are answered with 504.
    pub request_lost: f64,
    /// Requests whose answer never comes.
    pub answer_lost: f64,
    /// Longest that a request takes in one direction, where that is more than usual.
    pub slow: Duration,
}

/// What happens to one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// Who makes it dies, before it takes effect or after.
    pub crash: Option<CrashPoint>,
    /// How long it takes to the API server.
    pub there: Duration,
    /// How long its answer takes.
    pub back: Duration,
    /// It is refused with this code.
    pub refused: Option<u16>,
    /// It never arrives.
    pub request_lost: bool,
    /// Its answer never arrives.
    pub answer_lost: bool,
}

/// On which side of a write an operator dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoint {
    /// Before it takes effect.
    Before,
    /// After it took effect, and before the answer.
    After,
}

/// What happens to one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planned {
    /// The operator that makes it dies.
    Crash(CrashPoint),
    /// It is refused with this code.
    Refused(u16),
    /// It never arrives.
    Lost,
    /// It takes effect, and is never answered.
    Unanswered,
}

/// All that goes wrong; copies share it.
#[derive(Clone, Debug)]
pub struct Faults(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    chance: Chance,
    rates: Rates,
    /// What happens to the writes with these numbers.
    planned: BTreeMap<u64, Planned>,
    /// Codes for the next requests about a resource, e.g. of a quota: (resource, code), until when.
    forbidden: Vec<(String, u16, Instant)>,
    writes: u64,
    lags: BTreeMap<String, Arc<AtomicU64>>,
    /// What ends watches, by operator and resource.
    cut: BTreeMap<(String, String), CancellationToken>,
    /// Resources that cannot be listed or watched, and until when.
    unseen: BTreeMap<String, Instant>,
    /// Namespaces whose webhooks fail, each call after how long, and until when.
    webhooks: BTreeMap<String, (Duration, Instant)>,
    frozen: BTreeMap<String, Instant>,
    /// The API server does not answer until then.
    away_until: Option<Instant>,
}

impl Inner {
    /// What cannot be seen is not listed, and what a webhook is asked for fails.
    fn unseen_or_admitted(&self, asked: &Asked, fate: &mut Fate) {
        let now = Instant::now();
        if asked.method == http::Method::GET {
            if self.unseen.get(&asked.resource).is_some_and(|until| now < *until) {
                fate.refused = Some(403);
            }
            return;
        }
        let of = self.webhooks.iter().find(|(n, _)| asked.path.contains(&format!("/namespaces/{n}/")));
        if let Some((_, (hangs, _))) = of.filter(|(_, (_, until))| now < *until) {
            fate.there += *hangs;
            fate.refused = Some(500);
        }
    }
}

impl Faults {
    /// Nothing goes wrong yet.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            chance: Chance::new(seed, 1),
            rates: Rates::default(),
            planned: BTreeMap::new(),
            forbidden: Vec::new(),
            writes: 0,
            lags: BTreeMap::new(),
            cut: BTreeMap::new(),
            unseen: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            frozen: BTreeMap::new(),
            away_until: None,
        })))
    }

    /// From now on this goes wrong by chance.
    pub fn rates(&self, rates: Rates) {
        self.lock().rates = rates;
    }

    /// This happens to the write with this number (from 0).
    pub fn plan(&self, write: u64, planned: Planned) {
        self.lock().planned.insert(write, planned);
    }

    /// Creating objects of this resource is refused with this code for so long.
    pub fn forbid(&self, resource: &str, code: u16, time: Duration) {
        self.lock().forbidden.push((resource.into(), code, Instant::now() + time));
    }

    /// Writes so far, without those of elections.
    pub fn writes(&self) -> u64 {
        self.lock().writes
    }

    /// From now on what happens to this resource is seen so much later.
    pub fn lag(&self, resource: &str, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.lag_of(resource).store(millis, Ordering::Relaxed);
    }

    /// All watches of this operator end now.
    pub fn cut(&self, who: &str) {
        self.end_watches(|(of, _)| of == who);
    }

    /// This resource cannot be listed or watched for so long; watches of it end now.
    pub fn unseen(&self, resource: &str, time: Duration) {
        self.lock().unseen.insert(resource.into(), Instant::now() + time);
        self.end_watches(|(_, of)| of == resource);
    }

    /// Each write in this namespace fails for its webhook, after it hung for so long.
    pub fn webhook(&self, namespace: &str, hangs: Duration, time: Duration) {
        self.lock().webhooks.insert(namespace.into(), (hangs, Instant::now() + time));
    }

    fn end_watches(&self, which: impl Fn(&(String, String)) -> bool) {
        self.lock().cut.retain(|key, token| {
            let ends = which(key);
            if ends {
                token.cancel();
            }
            !ends
        });
    }

    /// Nothing of this operator gets through for so long; what it sends meanwhile arrives then.
    pub fn freeze(&self, who: &str, time: Duration) {
        self.lock().frozen.insert(who.into(), Instant::now() + time);
    }

    /// The API server cannot be reached for so long.
    pub fn away(&self, time: Duration) {
        self.lock().away_until = Some(Instant::now() + time);
    }

    /// Nothing goes wrong any more.
    pub fn end(&self) {
        let mut inner = self.lock();
        inner.rates = Rates::default();
        inner.planned.clear();
        inner.forbidden.clear();
        inner.frozen.clear();
        inner.away_until = None;
        inner.unseen.clear();
        inner.webhooks.clear();
        for lag in inner.lags.values() {
            lag.store(0, Ordering::Relaxed);
        }
    }

    /// Waits while this operator is frozen.
    pub(super) async fn thawed(&self, who: &str) {
        let until = self.lock().frozen.get(who).copied();
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
    }

    /// The lag of a watch, and what cuts it off.
    pub(super) fn watch(&self, asked: &Asked) -> (Arc<AtomicU64>, CancellationToken) {
        let lag = self.lag_of(&asked.resource);
        let mut inner = self.lock();
        (lag, inner.cut.entry((asked.who.clone(), asked.resource.clone())).or_default().clone())
    }

    fn lag_of(&self, resource: &str) -> Arc<AtomicU64> {
        self.lock().lags.entry(resource.into()).or_default().clone()
    }

    /// What happens to this request.
    pub(super) fn fate(&self, asked: &Asked) -> Fate {
        let mut inner = self.lock();
        let now = Instant::now();
        let most = LATENCY.1.max(inner.rates.slow);
        let (there, back) = (inner.chance.between(LATENCY.0, most), inner.chance.between(LATENCY.0, most));
        let counts = asked.write && !asked.is_election();
        let number = counts.then_some(inner.writes);
        inner.writes += u64::from(counts);
        let mut fate = Fate { there, back, ..Fate::default() };
        if inner.away_until.is_some_and(|until| now < until) {
            return Fate { request_lost: true, ..fate };
        }
        let Rates { conflict, busy, request_lost, answer_lost, .. } = inner.rates;
        fate.request_lost = inner.chance.flip(request_lost);
        fate.answer_lost = inner.chance.flip(answer_lost);
        if inner.chance.flip(busy) {
            fate.refused = Some([429, 500, 503, 504][inner.chance.index(4)]);
        }
        if asked.write && inner.chance.flip(conflict) {
            fate.refused = Some(409);
        }
        inner.forbidden.retain(|f| f.2 > now);
        let creates = asked.method == http::Method::POST;
        if let Some(f) = inner.forbidden.iter().find(|f| creates && f.0 == asked.resource) {
            fate.refused = Some(f.1);
        }
        inner.unseen_or_admitted(asked, &mut fate);
        match number.and_then(|n| inner.planned.remove(&n)) {
            Some(Planned::Crash(point)) => fate.crash = Some(point),
            Some(Planned::Refused(code)) => fate.refused = Some(code),
            Some(Planned::Lost) => fate.request_lost = true,
            Some(Planned::Unanswered) => fate.answer_lost = true,
            None => {}
        }
        fate
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
