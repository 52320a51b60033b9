//! Which of several operators writes: an election by a Lease, and a fence in front of the API server.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dask_operator_core::{
    lease::{DURATION, Election, RETRY, Record, Step},
    names,
    time::Timestamp,
};
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use tokio::{sync::watch, time::Instant};

use crate::{health::Health, world::World};

/// Longest time for one request: several fit into the time that a leader has to renew.
const REQUEST: Duration = Duration::from_secs(3);

/// Whether this process leads. Cheap to ask and to share.
#[derive(Clone, Debug)]
pub struct Leadership(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Until when; `None`: it does not lead.
    until: Mutex<Option<Instant>>,
    leads: watch::Sender<bool>,
}

/// The Lease that candidates share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// This candidate: no two may have the same.
    pub candidate: String,
}

impl Leadership {
    /// The only one there is: it leads for ever.
    pub fn alone() -> Self {
        let far = Instant::now() + Duration::from_secs(100 * 365 * 24 * 3600);
        Self(Arc::new(Inner { until: Mutex::new(Some(far)), leads: watch::Sender::new(true) }))
    }

    /// One of several; it does not lead yet.
    pub fn candidate() -> Self {
        Self(Arc::new(Inner { until: Mutex::new(None), leads: watch::Sender::new(false) }))
    }

    /// Whether a write may begin now.
    pub fn may_write(&self) -> bool {
        self.until().is_some_and(|until| Instant::now() < until)
    }

    /// Waits until it leads.
    pub async fn gained(&self) {
        // The sender lives as long as we do.
        let _ = self.0.leads.subscribe().wait_for(|leads| *leads).await;
    }

    /// Waits until it does not lead.
    pub async fn lost(&self) {
        let _ = self.0.leads.subscribe().wait_for(|leads| !*leads).await;
    }

    fn set(&self, until: Option<Instant>) {
        *self.until() = until;
        self.0.leads.send_if_modified(|leads| {
            let changed = *leads != until.is_some();
            *leads = until.is_some();
            changed
        });
    }

    fn until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes part in the election until the future is dropped; [`release`] gives the seat up then.
pub async fn run(client: Client, world: &World, seat: &Seat, leadership: &Leadership, health: &Health) {
    let start = Instant::now();
    let since = |t: Instant| Timestamp(0).plus(t.duration_since(start));
    let mut election = Election::new(&seat.candidate);
    let mut said = String::new();
    loop {
        health.beat("election");
        let begun = Instant::now();
        let outcome = round(&client, seat, &mut election, since, world.now()).await;
        let problem = outcome.err().unwrap_or_default();
        if !problem.is_empty() && problem != said {
            tracing::warn!(lease = seat.name, problem, "the lease could not be read or written");
        }
        said = problem;
        let until = election.leads_until(since(Instant::now()));
        let led = leadership.may_write();
        leadership.set(until.map(|t| start + t.since(Timestamp(0))));
        if led != until.is_some() {
            tracing::info!(candidate = seat.candidate, leads = until.is_some(), "election");
        }
        // A leader that cannot renew stops at its deadline, and not at the next round.
        let next = begun + RETRY;
        if let Some(deadline) = until.map(|t| start + t.since(Timestamp(0))).filter(|d| *d < next) {
            tokio::time::sleep_until(deadline).await;
            leadership.set(None);
        }
        tokio::time::sleep_until(next).await;
    }
}

/// Reads the Lease and writes it where that is our turn.
async fn round(
    client: &Client,
    seat: &Seat,
    election: &mut Election,
    since: impl Fn(Instant) -> Timestamp,
    now: Timestamp,
) -> Result<(), String> {
    let leases: Api<Lease> = Api::namespaced(client.clone(), &seat.namespace);
    let found = within(leases.get_opt(&seat.name)).await?;
    election.observe(found.as_ref().map(record), since(Instant::now()));
    let begun = Instant::now();
    let params = PostParams { field_manager: Some(names::FIELD_MANAGER.into()), dry_run: false };
    let written = match election.step(since(begun)) {
        Step::Wait => return Ok(()),
        Step::Create => within(leases.create(&params, &lease(seat, None, 0, now))).await?,
        Step::Take { version, transitions } => {
            within(leases.replace(&seat.name, &params, &lease(seat, Some(version), transitions, now))).await?
        }
    };
    election.renewed(record(&written), since(begun));
    Ok(())
}

/// Gives the seat up, so that another one need not wait for its end.
pub async fn release(client: &Client, seat: &Seat) {
    let leases: Api<Lease> = Api::namespaced(client.clone(), &seat.namespace);
    let Ok(Some(mut lease)) = within(leases.get_opt(&seat.name)).await else { return };
    let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
    if spec.holder_identity.as_deref() != Some(&seat.candidate) {
        return;
    }
    spec.holder_identity = Some(String::new());
    let _ = within(leases.replace(&seat.name, &PostParams::default(), &lease)).await;
}

async fn within<T>(call: impl Future<Output = Result<T, kube::Error>>) -> Result<T, String> {
    match tokio::time::timeout(REQUEST, call).await {
        Ok(answer) => answer.map_err(|e| e.to_string()),
        Err(_) => Err(format!("no answer within {} s", REQUEST.as_secs())),
    }
}

fn record(lease: &Lease) -> Record {
    let spec = lease.spec.clone().unwrap_or_default();
    let seconds = u64::try_from(spec.lease_duration_seconds.unwrap_or(0)).unwrap_or(0);
    Record {
        holder: spec.holder_identity.unwrap_or_default(),
        duration: Duration::from_secs(seconds),
        transitions: spec.lease_transitions.unwrap_or(0).into(),
        version: lease.metadata.resource_version.clone().unwrap_or_default(),
    }
}

/// The Lease with our name in it. Its time is for people: nobody compares it.
fn lease(seat: &Seat, version: Option<String>, transitions: i64, now: Timestamp) -> Lease {
    Lease {
        metadata: ObjectMeta {
            name: Some(seat.name.clone()),
            namespace: Some(seat.namespace.clone()),
            resource_version: version,
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(seat.candidate.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            lease_transitions: i32::try_from(transitions).ok(),
            renew_time: jiff::Timestamp::from_millisecond(now.0).ok().map(MicroTime),
            ..LeaseSpec::default()
        }),
    }
}

#[cfg(test)]
mod tests;
