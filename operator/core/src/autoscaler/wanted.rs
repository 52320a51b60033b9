//! How many workers are wanted: by the work that waits, or, where that is not known, by the scheduler's own target.

use std::collections::BTreeMap;

use dask_crds::DemandProbe;

use crate::{
    autoscaler::{
        input::{Input, Registered, Workers},
        pace::Pace,
        wish::{self, Infeasible, Learned, Offer},
    },
    model::{demand::DemandReading, object::Autoscaler, scheduler::Snapshot},
    plan::scheduler_need::SchedulerNeed,
};

/// A group, and the autoscaler that acts on it.
pub(crate) struct Scaled<'a> {
    /// The place of the autoscaler in the input.
    pub place: usize,
    pub autoscaler: &'a Autoscaler,
    pub workers: &'a Workers<'a>,
    /// Abstract resources of each of the group's worker processes, as its template says.
    pub resources: BTreeMap<String, f64>,
    /// The most worker processes that it may have.
    pub most: u32,
    /// How work becomes workers of it.
    pub pace: Pace,
}

/// How many workers are wanted.
pub(crate) struct Wanted<'a> {
    /// The reading that says so.
    pub snapshot: &'a Snapshot,
    /// Worker processes in all.
    pub workers: u32,
    /// Those among them that only one of the scaled groups can give, in their order.
    pub of_group: Vec<u32>,
    /// Work that no worker can do.
    pub infeasible: Vec<Infeasible>,
    /// Tasks that are ready and wait; `None` where the work is not known.
    pub waiting: Option<u64>,
}

/// What is wanted now, if the scheduler says so.
pub(crate) fn wanted<'a>(
    input: &Input<'a>,
    scaled: &[Scaled<'_>],
    registered: &Registered,
    learned: Learned<'_>,
) -> Option<Wanted<'a>> {
    let snapshot = input.scheduler.known()?;
    match &snapshot.demand {
        DemandReading::Known(demand) if !is_off(scaled) => {
            let offers = offers(registered, scaled);
            let wish::Wish { workers, of_group, infeasible } = wish::wish(demand, snapshot, &offers, learned);
            Some(Wanted { snapshot, workers, of_group, infeasible, waiting: Some(demand.ready()) })
        }
        // This reading was made for others: the next one tells.
        DemandReading::NotAsked if !is_off(scaled) => None,
        _ => {
            let of_group = vec![0; scaled.len()];
            let workers = snapshot.target?;
            Some(Wanted { snapshot, workers, of_group, infeasible: Vec::new(), waiting: None })
        }
    }
}

/// What each group's workers can do.
fn offers(registered: &Registered, scaled: &[Scaled<'_>]) -> Vec<Offer> {
    let offer = |s: &Scaled<'_>| Offer {
        resources: s.resources.clone(),
        most: s.most,
        pace: s.pace,
        workers: s.workers.pods.iter().filter_map(|p| registered.get(&p.uid)).flatten().cloned().collect(),
    };
    scaled.iter().map(offer).collect()
}

/// What has to be known of the scheduler.
pub(crate) fn need(scaled: &[Scaled<'_>]) -> SchedulerNeed {
    match scaled {
        [] => SchedulerNeed::NONE,
        _ if is_off(scaled) => SchedulerNeed::TARGET,
        _ => SchedulerNeed::DEMAND,
    }
}

/// Whether one of the autoscalers says that the scheduler is not to be given the operation.
pub(crate) fn is_off(scaled: &[Scaled<'_>]) -> bool {
    scaled.iter().any(|s| s.autoscaler.spec.demand_probe == Some(DemandProbe::Off))
}
