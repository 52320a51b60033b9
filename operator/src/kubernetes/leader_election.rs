//! Which of several operators leads: an election by a Lease.

use std::time::Duration;

use dask_operator_core::{
    model::{names, time::Timestamp},
    protocol::leader_election::{DURATION, Election, RETRY, Record, Step},
};
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use tokio::time::Instant;

use crate::{context::Context, leadership::Term};

/// Longest time for one request: several fit into the time that a leader has to renew.
const REQUEST: Duration = Duration::from_secs(3);

/// The Lease that candidates share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseConfig {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// This candidate: no two may have the same.
    pub candidate: String,
}

/// Takes part in the election until `stop` is over, and gives the seat up then. A candidate stands when it is
/// ready to lead, and not before.
pub async fn run(context: &Context, seat: &LeaseConfig, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    let stand = async {
        while !context.health.missing().is_empty() {
            context.health.heartbeat("election");
            tokio::time::sleep(RETRY / 10).await;
        }
        Elector::new(context, seat).run().await;
    };
    tokio::select! {
        () = stand => {}
        () = &mut stop => {}
    }
    context.leadership.set(None);
    release(&context.client, seat).await;
}

struct Elector<'a> {
    context: &'a Context,
    seat: &'a LeaseConfig,
    start: Instant,
    election: Election,
    /// The Lease's UID and transitions when we last led, and the number of that term.
    term: Option<(String, i64, Term)>,
    said: String,
}

impl<'a> Elector<'a> {
    fn new(context: &'a Context, seat: &'a LeaseConfig) -> Self {
        let election = Election::new(&seat.candidate);
        Self { context, seat, start: Instant::now(), election, term: None, said: String::new() }
    }

    /// The monotonic clock, as the core counts.
    fn now(&self) -> Timestamp {
        Timestamp(0).plus(self.start.elapsed())
    }

    async fn run(&mut self) {
        loop {
            self.context.health.heartbeat("election");
            let next = Instant::now() + RETRY;
            let deadline = self.election.leads_until(self.now()).map(|t| self.start + t.since(Timestamp(0)));
            let leadership = &self.context.leadership;
            // Nothing is waited for beyond the end of our time.
            let end = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
                leadership.set(None);
                std::future::pending::<()>().await;
            };
            let outcome = tokio::select! {
                outcome = self.round() => outcome,
                () = end => Ok(()),
            };
            self.say(outcome.err().unwrap_or_default());
            let led = self.election.leads_until(self.now());
            let led = led.map(|t| (self.start + t.since(Timestamp(0)), self.number()));
            self.context.leadership.set(led);
            let until = led.map_or(next, |(until, _)| until.min(next));
            tokio::time::sleep_until(until).await;
            if !self.context.leadership.may_write() {
                self.context.leadership.set(None);
            }
            tokio::time::sleep_until(next).await;
        }
    }

    fn number(&self) -> Term {
        self.term.as_ref().map(|(_, _, n)| *n).unwrap_or_default()
    }

    /// Reads the Lease and writes it where that is our turn.
    async fn round(&mut self) -> Result<(), String> {
        let leases: Api<Lease> = Api::namespaced(self.context.client.clone(), &self.seat.namespace);
        let found = within(leases.get_opt(&self.seat.name)).await?;
        let now = self.now();
        self.election.observe(found.as_ref().map(record), now);
        let params = PostParams { field_manager: Some(names::FIELD_MANAGER.into()), dry_run: false };
        let begun = self.now();
        let time = self.context.env.now();
        let written = match self.election.step(begun) {
            Step::Wait => return Ok(()),
            Step::Create => within(leases.create(&params, &lease(self.seat, None, 0, time))).await?,
            Step::Take { version, transitions } => {
                let lease = lease(self.seat, Some(version), transitions, time);
                within(leases.replace(&self.seat.name, &params, &lease)).await?
            }
        };
        let (record, uid) = (record(&written), written.metadata.uid.unwrap_or_default());
        let same = self.term.as_ref().is_some_and(|(u, t, _)| *u == uid && *t == record.transitions);
        if !same {
            self.term = Some((uid, record.transitions, self.number() + 1));
            tracing::info!(candidate = self.seat.candidate, "leads");
        }
        self.election.renewed(record, begun);
        Ok(())
    }

    /// Tells a problem once. One that waiting does not cure keeps us from being ready.
    fn say(&mut self, problem: String) {
        if problem == self.said {
            return;
        }
        let lasting = |p: &str| p.contains("forbidden") || p.contains("Unauthorized");
        if lasting(&self.said) {
            self.context.health.ready(&self.said);
        }
        if !problem.is_empty() {
            tracing::warn!(lease = self.seat.name, problem, "the lease could not be read or written");
        }
        if lasting(&problem) {
            self.context.health.not_ready(&problem);
        }
        self.said = problem;
    }
}

/// Gives the seat up, so that another one need not wait for its end.
async fn release(client: &Client, seat: &LeaseConfig) {
    let leases: Api<Lease> = Api::namespaced(client.clone(), &seat.namespace);
    // A renewal that was under way may come in between.
    for _ in 0..2 {
        let Ok(Some(mut lease)) = within(leases.get_opt(&seat.name)).await else { return };
        let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
        if spec.holder_identity.as_deref() != Some(&seat.candidate) {
            return;
        }
        spec.holder_identity = Some(String::new());
        if within(leases.replace(&seat.name, &PostParams::default(), &lease)).await.is_ok() {
            return;
        }
    }
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

/// The Lease with our name in it. Its time is for people and is not compared.
fn lease(seat: &LeaseConfig, version: Option<String>, transitions: i64, now: Timestamp) -> Lease {
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
