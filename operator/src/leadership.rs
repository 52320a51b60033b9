//! Whether this process leads, and since when: what every write asks first.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

/// Whether this process leads. Cheap to ask and to share.
#[derive(Clone, Debug)]
pub struct Leadership(Arc<Inner>);

/// A time in which this process alone led; it may have been interrupted.
pub type Term = u64;

#[derive(Debug)]
struct Inner {
    /// Until when; `None`: it does not lead.
    until: Mutex<Option<Instant>>,
    /// Since when it leads, or led last.
    since: Mutex<Instant>,
    term: watch::Sender<Option<Term>>,
}

impl Leadership {
    /// The only one there is: it leads for ever.
    pub fn alone() -> Self {
        let far = Instant::now() + Duration::from_secs(100 * 365 * 24 * 3600);
        Self::new(Some(far), Some(0))
    }

    /// One of several; it does not lead yet.
    pub fn candidate() -> Self {
        Self::new(None, None)
    }

    fn new(until: Option<Instant>, term: Option<Term>) -> Self {
        let (until, since) = (Mutex::new(until), Mutex::new(Instant::now()));
        Self(Arc::new(Inner { until, since, term: watch::Sender::new(term) }))
    }

    /// Whether a write may begin now.
    pub fn may_write(&self) -> bool {
        self.until().is_some_and(|until| Instant::now() < until)
    }

    /// Waits until it leads; answers the term.
    pub async fn gained(&self) -> Term {
        let mut terms = self.0.term.subscribe();
        // The sender lives as long as we do.
        terms.wait_for(Option::is_some).await.ok().and_then(|t| *t).unwrap_or_default()
    }

    /// Since when it leads: what others wrote before is there.
    pub fn since(&self) -> Instant {
        *self.0.since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until this term is over.
    pub async fn lost(&self, term: Term) {
        let _ = self.0.term.subscribe().wait_for(|now| *now != Some(term)).await;
    }

    /// Waits until the present term is over; returns at once where there is none.
    pub async fn term_ended(&self) {
        let term = *self.0.term.borrow();
        if let Some(term) = term {
            self.lost(term).await;
        }
    }

    /// It leads until then, or does not lead.
    pub(crate) fn set(&self, led: Option<(Instant, Term)>) {
        *self.until() = led.map(|(until, _)| until);
        let term = led.map(|(_, term)| term);
        self.0.term.send_if_modified(|now| {
            let is_news = *now != term;
            if is_news && term.is_some() {
                *self.0.since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            }
            *now = term;
            is_news
        });
    }

    fn until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
