//! The autoscalers of a cluster: what its scheduler would like is read once, and all groups get their sizes together.

mod change;
mod demand_conditions;
mod durations;
mod eligibility;
mod failing;
mod group_resources;
pub mod input;
mod limit;
mod pace;
pub mod policy;
mod processes_per_pod;
pub mod samples;
mod startup;
mod status;
#[cfg(test)]
mod tests;
mod unserved;
mod wanted;
mod wish;

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use dask_crds::{DaskAutoscalerStatus, MAX_REPLICAS};
use serde_json::json;

pub use eligibility::{INERT, acting, decides, group_name};
pub use input::{Input, Workers};

use crate::{
    model::{
        demand::DemandReading,
        object::{Autoscaler, Cluster, Group, Meta},
        scheduler::SchedulerState,
        time::Timestamp,
        uid::Uid,
    },
    plan::{
        action::{Action, Decision, Patch},
        conditions::{self, Observed},
        kind::Kind,
        metadata_patch,
        scheduler_need::SchedulerNeed,
    },
    resources,
    validation::api_rejection::{self, Rejections},
};
use durations::Durations;
use failing::Failing;
use limit::Limit;
use pace::Pace;
use policy::{Demand, Limits, Pool};
use processes_per_pod::Processes;
use samples::Samples;
use startup::Startups;
use unserved::Unserved;
use wanted::{Scaled, Wanted};
use wish::Learned;

/// Most pods of a group whose autoscaler has no maximum, where the operator was not told another number: many times
/// what people run, and few enough for an API server to bear if a scheduler's wish was nonsense.
pub const DEFAULT_MAXIMUM: i32 = 1_000;

/// What this process remembers of a cluster's autoscalers. Losing it delays a shrink by a few samples.
#[derive(Clone, Debug, Default)]
pub struct PlannerState {
    samples: Samples,
    processes: Processes,
    unserved: Unserved,
    startups: Startups,
    durations: Durations,
    failing: Failing,
    /// Since when the scheduler has not told what it would like.
    silent_since: Option<Timestamp>,
    /// What the API server answered to our last writes for each autoscaler, by UID, and how often in a row it refused them.
    pub rejections: BTreeMap<Uid, Rejections>,
}

impl PlannerState {
    /// Takes note of how long workers take to start, and tasks to run.
    fn learn(&mut self, input: &Input<'_>) {
        let told = |workers: &Workers<'_>| {
            let all = input.autoscalers.iter().copied();
            acting(all, &workers.group.spec.cluster, &workers.group.meta.name).and_then(startup::told)
        };
        self.startups.observe(input, told);
        let Self { startups, failing, .. } = self;
        failing.observe(input, |group| startups.of(group));
        if let Some(snapshot) = input.scheduler.known()
            && let DemandReading::Known(demand) = &snapshot.demand
        {
            self.durations.observe(&snapshot.id, snapshot.at, demand);
        }
    }

    /// Takes note of what is wanted now.
    fn observe(&mut self, input: &Input<'_>, wanted: Option<&Wanted<'_>>) {
        if let Some(Wanted { snapshot, workers, infeasible, .. }) = wanted {
            self.samples.add(&snapshot.id, snapshot.at, *workers);
            if !snapshot.workers.is_empty() {
                self.unserved.observe(infeasible);
            }
            self.silent_since = None;
            return;
        }
        if !matches!(input.scheduler, SchedulerState::Unknown) {
            self.samples.clear();
        }
        self.silent_since.get_or_insert(input.now);
    }

    fn is_inert(&self, now: Timestamp) -> bool {
        self.silent_since.is_some_and(|since| now.since(since) >= INERT)
    }
}

/// One autoscaler's part of the decision.
struct Part<'a> {
    group: &'a Group,
    size: i32,
    /// What keeps it from being what the work asks for.
    limit: Option<Limit>,
    /// How long a worker of the group takes to start, if it is known.
    startup: Option<Duration>,
}

/// What to do about a cluster's autoscalers, one decision for each of `input.autoscalers` in their order. They belong
/// together: all are carried out, and shown by the cache, before the next ones are made.
pub fn decide(input: &Input<'_>, memory: &mut PlannerState) -> Vec<Decision<DaskAutoscalerStatus>> {
    let standings: Vec<_> = input.autoscalers.iter().map(|a| eligibility::eligible_group(a, input)).collect();
    let registered = input.registered();
    memory.processes.observe(input, &registered);
    memory.learn(input);
    let scaled = scaled(input, &standings, memory);
    memory.unserved.keep(&scaled);
    let learned = Learned { unserved: &memory.unserved.shapes, durations: &memory.durations };
    let wanted = wanted::wanted(input, &scaled, &registered, learned);
    if scaled.is_empty() {
        *memory =
            PlannerState { rejections: std::mem::take(&mut memory.rejections), ..PlannerState::default() };
    } else {
        memory.observe(input, wanted.as_ref());
    }
    memory.rejections.retain(|uid, _| input.autoscalers.iter().any(|a| a.meta.uid == *uid));
    let parts = sizes(input, &scaled, wanted.as_ref(), memory);
    let story =
        Story { wanted: wanted.as_ref(), need: wanted::need(&scaled), is_off: wanted::is_off(&scaled) };
    let all = input.autoscalers.iter().zip(standings).enumerate();
    let one_of = |(n, (a, standing)): (usize, (&&Autoscaler, Result<usize, Vec<Observed>>))| {
        let rejections = memory.rejections.get(&a.meta.uid).cloned().unwrap_or_default();
        one(input, a, Standing { part: standing.map(|_| parts.get(&n)), rejections }, &story)
    };
    all.map(one_of).collect()
}

/// What decides which group comes first: what only says what it would do takes nothing from those that act, and what is
/// scarce is not spent on work that others can do. A group whose pods did not come a while ago comes last.
fn order(s: &Scaled<'_>, failing: &Failing) -> impl Ord + use<> {
    let Meta { created, name, uid, .. } = &s.workers.group.meta;
    let priority = Reverse(s.autoscaler.spec.priority.unwrap_or(0));
    let is_scarce = !s.resources.is_empty();
    let backs_off = failing.backs_off(uid);
    (eligibility::is_dry_run(s.autoscaler), backs_off, priority, is_scarce, *created, name.clone())
}

/// The groups that autoscalers act on, in that order.
fn scaled<'a>(
    input: &Input<'a>,
    standings: &[Result<usize, Vec<Observed>>],
    memory: &PlannerState,
) -> Vec<Scaled<'a>> {
    let all = standings.iter().zip(input.autoscalers).enumerate().filter(|(_, (_, a))| !a.meta.deleting);
    let acting = all.filter_map(|(place, (standing, autoscaler))| {
        let workers = input.groups.get(*standing.as_ref().ok()?)?;
        let pods = u32::try_from(limits(autoscaler, input.default_maximum).maximum).unwrap_or(0);
        let most = pods.saturating_mul(memory.processes.per_pod(workers.group));
        let pace = Pace::of(&autoscaler.spec, memory.startups.of(&workers.group.meta.uid));
        let resources = group_resources::of(workers.group);
        Some(Scaled { place, autoscaler, workers, resources, most, pace })
    });
    let mut scaled: Vec<_> = acting.collect();
    scaled.sort_by_cached_key(|s| order(s, &memory.failing));
    scaled
}

/// The size of each group that an autoscaler acts on, by the autoscaler's place.
fn sizes<'a>(
    input: &Input<'a>,
    scaled: &[Scaled<'a>],
    wanted: Option<&Wanted<'_>>,
    memory: &PlannerState,
) -> BTreeMap<usize, Part<'a>> {
    let pool = |(n, s): (usize, &Scaled<'_>)| {
        let processes = memory.processes.per_pod(s.workers.group);
        let reserved = wanted.and_then(|w| w.of_group.get(n)).map_or(0, |n| n.div_ceil(processes.max(1)));
        Pool {
            size: s.workers.group.spec.worker.replicas,
            limits: limits(s.autoscaler, input.default_maximum),
            processes,
            reserved: i32::try_from(reserved).unwrap_or(i32::MAX),
            missing: memory.failing.missing(&s.workers.group.meta.uid),
        }
    };
    let pools: Vec<Pool> = scaled.iter().enumerate().map(pool).collect();
    let is_other = |w: &&Workers<'_>| !scaled.iter().any(|s| s.workers.group.meta.uid == w.group.meta.uid);
    let others = || input.groups.iter().filter(is_other);
    let last_changes: Vec<Timestamp> = scaled.iter().filter_map(|s| last_change(s.autoscaler)).collect();
    let demand = Demand {
        samples: &memory.samples,
        other_pods: others().map(staying).fold(0, i32::saturating_add),
        other_processes: others().map(|w| processes_of(w, memory)).fold(0, u64::saturating_add),
        registered: input.scheduler.known().map_or(0, |s| u64::try_from(s.workers.len()).unwrap_or(0)),
        last_changes: &last_changes,
        keep: scaled.iter().map(|s| s.pace.keep()).max().unwrap_or_default(),
    };
    let sizes = policy::next_sizes(&pools, &demand, input.now);
    let supply = policy::supply(&pools, &sizes, &demand);
    let part = |(s, (pool, size)): (&Scaled<'a>, (&Pool, i32))| {
        let limit = wanted.and_then(|w| Limit::of(pool, size, (u64::from(w.workers), supply)));
        let is_default = s.autoscaler.spec.maximum.is_none();
        let limit = limit.map(|l| if is_default { l.of_default() } else { l });
        let group = s.workers.group;
        (s.place, Part { group, size, limit, startup: memory.startups.known(&group.meta.uid) })
    };
    scaled.iter().zip(pools.iter().zip(sizes)).map(part).collect()
}

/// Pods that a group has or will have.
fn staying(workers: &Workers<'_>) -> i32 {
    let live = workers.pods.iter().filter(|p| p.is_live() && p.mark.is_none()).count();
    i32::try_from(live).unwrap_or(i32::MAX).max(workers.group.spec.worker.replicas)
}

fn processes_of(workers: &Workers<'_>, memory: &PlannerState) -> u64 {
    u64::try_from(staying(workers)).unwrap_or(0) * u64::from(memory.processes.per_pod(workers.group))
}

fn last_change(autoscaler: &Autoscaler) -> Option<Timestamp> {
    autoscaler.status.last_scale_time.as_deref().and_then(Timestamp::parse)
}

fn limits(autoscaler: &Autoscaler, default_maximum: i32) -> Limits {
    let spec = &autoscaler.spec;
    let minimum = spec.minimum.unwrap_or(0).clamp(0, MAX_REPLICAS);
    let maximum = spec.maximum.unwrap_or(default_maximum.max(minimum)).clamp(0, MAX_REPLICAS);
    Limits { minimum, maximum }
}

/// What is the same for all autoscalers of the cluster.
struct Story<'a> {
    wanted: Option<&'a Wanted<'a>>,
    need: SchedulerNeed,
    is_off: bool,
}

/// How it stands with one autoscaler.
struct Standing<'a> {
    /// Its part of the decision, if it has one; else why it does not act.
    part: Result<Option<&'a Part<'a>>, Vec<Observed>>,
    /// What the API server said of the last writes.
    rejections: Rejections,
}

/// What to do about one autoscaler.
fn one(
    input: &Input<'_>,
    autoscaler: &Autoscaler,
    standing: Standing<'_>,
    story: &Story<'_>,
) -> Decision<DaskAutoscalerStatus> {
    let mut actions: Vec<Action> = metadata(input, autoscaler).into_iter().collect();
    let need = story.need;
    let requeue = (!need.is_none()).then_some(Duration::from_secs(5));
    if autoscaler.meta.deleting {
        return Decision { actions, status: autoscaler.status.clone(), requeue, need };
    }
    let mut status = status::base(input, autoscaler);
    let mut observed = match standing.part {
        Err(why) => why,
        Ok(part) => {
            if let Some(part) = part {
                status::of_part(&mut status, part, story.wanted);
                if !eligibility::is_dry_run(autoscaler) {
                    actions.extend(change::change(part, story.wanted, input.now, &mut status));
                }
            }
            let mut observed = vec![status::active(input, autoscaler, part, story.wanted.is_some())];
            observed.extend(demand_conditions::known(input, autoscaler, story.is_off));
            observed.extend(demand_conditions::infeasible(story.wanted, autoscaler));
            observed
        }
    };
    observed.push(api_rejection::condition(standing.rejections.lasting()));
    status::finish(&mut status, observed, autoscaler, input.now);
    let events = conditions::events(&autoscaler.status.conditions, &status.conditions);
    actions.extend(events.into_iter().map(Action::Event));
    Decision { actions, status, requeue, need }
}

fn metadata(input: &Input<'_>, autoscaler: &Autoscaler) -> Option<Action> {
    let meta = &autoscaler.meta;
    let usable = |c: &&Cluster| {
        !c.meta.deleting && !meta.deleting && !eligibility::is_from_previous_owner(autoscaler, c)
    };
    let owner = input.cluster.filter(usable).map(resources::cluster_owner);
    let mut patch = metadata_patch::Metadata::new().without_kopf(&meta.finalizers, &meta.kopf);
    if let Some(owner) = &owner {
        patch = patch.owner(owner, &meta.owners);
    }
    Some(Action::Patch(Patch {
        kind: Kind::Autoscaler,
        name: meta.name.clone(),
        resource_version: meta.resource_version.clone(),
        body: json!({ "metadata": patch.patch()? }),
    }))
}
