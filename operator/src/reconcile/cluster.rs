//! Observes a DaskCluster and carries out what the core decides.

use std::sync::Arc;

use dask_crds::Phase;
use dask_operator_core::{
    cluster,
    conditions::{MAX_MESSAGE, shorten},
    names,
    record::Trouble,
};

use crate::{
    execute::{self, Target},
    reconcile::{Error, Outcome, carry_out},
    run::Operator,
    subject::{Key, Subject},
};

pub(super) async fn reconcile(
    operator: &Arc<Operator>,
    subject: &Subject,
    key: &Key,
) -> Result<Outcome, Error> {
    let now = operator.world.now();
    let scheduler = operator.links.state(key);
    let (decision, old, target) = {
        let mut state = operator.state.lock();
        let Some(object) = state.cache.clusters.get(key).cloned() else { return Ok(Outcome::Gone) };
        let beside = |name: String| (key.0.clone(), name);
        let child = beside(names::scheduler(&key.1));
        let deployment = state.cache.deployments.get(&child).cloned();
        let service = state.cache.services.get(&child).cloned();
        let group = state.cache.groups.get(&beside(names::default_group(&key.1))).cloned();
        let pods = state.cache.schedulers_of(key);
        let pods: Vec<_> = pods.iter().map(AsRef::as_ref).collect();
        let memory = state.clusters.entry(object.meta.uid.clone()).or_default();
        let decision = cluster::decide(&cluster::Input {
            cluster: &object,
            deployment: deployment.as_deref(),
            service: service.as_deref(),
            default_group: group.as_deref(),
            scheduler_pods: &pods,
            scheduler: &scheduler,
            created_written: memory.created_written,
            refused: memory.refused.as_ref().filter(|(_, times)| *times > 1).map(|(trouble, _)| trouble),
            now,
            domain: &operator.settings.cluster_domain,
        });
        if decision.status.phase == Some(Phase::Created) {
            memory.created_written.get_or_insert(now);
        }
        let target = Target::of(subject, &object.meta);
        (decision, object, target)
    };
    let outcome = carry_out(operator, subject, &target, decision, &old.status, &key.1).await;
    remember(operator, &target, outcome.as_ref().err());
    outcome
}

/// Whether the answer is about what was asked, and not about the API server's own state.
fn is_verdict(code: u16) -> bool {
    (400..500).contains(&code) && code != 429
}

/// A refusal of the API server stands in the status until it is over.
fn remember(operator: &Operator, target: &Target, error: Option<&Error>) {
    let mut state = operator.state.lock();
    let Some(memory) = state.clusters.get_mut(&target.meta.uid) else { return };
    memory.refused = match error {
        Some(Error::Api(execute::Error::Refused { what, code, message })) if is_verdict(*code) => {
            let times = memory.refused.as_ref().map_or(1, |(_, n)| n.saturating_add(1));
            let reason = if *code == 409 { "NameTaken" } else { "CreateRejected" };
            let message = shorten(&format!("{what} was refused: {message}"), MAX_MESSAGE);
            Some((Trouble { reason: reason.into(), message }, times))
        }
        // Neither an answer nor its lack says that it is over.
        Some(_) => return,
        None => None,
    };
}
