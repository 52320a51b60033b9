//! This operator: its own decisions, from what a scheduler and the API server would tell.

use std::sync::Arc;

use dask_crds::DaskAutoscalerSpec;
use dask_operator_core::{
    autoscaler::{self, Input, PlannerState, Workers},
    model::{
        demand::{Demand, DemandReading, Shape, Work},
        object::{Autoscaler, Cluster, Group, Meta, Object},
        owner::Owner,
        pod::{PodPhase, PodRecord},
        scheduler::{SchedulerState, Snapshot, WorkerView},
        time::Timestamp,
    },
    plan::action::Action,
};
use serde_json::json;

use crate::{
    contender::Contender,
    world::{Worker, World},
};

/// When runs begin, by the clocks of their clusters.
const BEGINNING: Timestamp = Timestamp(1_800_000_000_000);

/// This operator.
pub struct Operator {
    cluster: Cluster,
    groups: Vec<Group>,
    autoscalers: Vec<Autoscaler>,
    memory: PlannerState,
}

fn meta(name: &str) -> Meta {
    Meta {
        namespace: "simulated".into(),
        name: name.into(),
        uid: format!("{name}-uid").into(),
        resource_version: "1".into(),
        generation: 1,
        created: BEGINNING,
        ..Meta::default()
    }
}

impl Operator {
    /// With an autoscaler for each group, all of which have this policy.
    ///
    /// # Errors
    /// The policy has values that make no object.
    pub fn new(setup: &crate::setup::Setup, policy: &DaskAutoscalerSpec) -> Result<Self, serde_json::Error> {
        let container = json!({"name": "c", "image": "dask"});
        let pod = json!({"containers": [container]});
        let spec = json!({"worker": {"spec": pod.clone()},
            "scheduler": {"spec": pod, "service": {"selector": {}, "ports": []}}});
        let cluster =
            Object { meta: meta("c"), spec: serde_json::from_value(spec)?, status: Default::default() };
        let owner = || vec![Owner::controller("DaskCluster", "c", "c-uid")];
        let (mut groups, mut autoscalers) = (Vec::new(), Vec::new());
        for group in &setup.groups {
            let mut words = Vec::new();
            for (name, amount) in &group.resources {
                words.extend(["--resources".to_string(), format!("{name}={amount}")]);
            }
            let container = json!({"name": "worker", "image": "dask", "args": words});
            let spec =
                json!({"cluster": "c", "worker": {"replicas": 0, "spec": {"containers": [container]}}});
            let meta = Meta { owners: owner(), ..meta(&group.name) };
            groups.push(Object { meta, spec: serde_json::from_value(spec)?, status: Default::default() });
            let spec = DaskAutoscalerSpec {
                cluster: "c".into(),
                worker_group: Some(group.name.clone()),
                minimum: policy.minimum.or(i32::try_from(group.minimum).ok()),
                maximum: policy.maximum.or(i32::try_from(group.maximum).ok()),
                ..policy.clone()
            };
            let meta = Meta { owners: owner(), ..self::meta(&format!("{}-scaler", group.name)) };
            autoscalers.push(Object { meta, spec, status: Default::default() });
        }
        Ok(Self { cluster, groups, autoscalers, memory: PlannerState::default() })
    }

    /// Decides once, from these pods of each group and from what the scheduler tells, and gives the groups their sizes.
    pub fn decide(&mut self, pods: &[Vec<PodRecord>], scheduler: &SchedulerState, now: Timestamp) {
        let pods: Vec<Vec<&PodRecord>> = pods.iter().map(|p| p.iter().collect()).collect();
        let of_group = |(group, pods)| Workers { group, pods };
        let pods = pods.iter().map(Vec::as_slice);
        let groups: Vec<Workers<'_>> = self.groups.iter().zip(pods).map(of_group).collect();
        let autoscalers: Vec<&Autoscaler> = self.autoscalers.iter().collect();
        let input = Input {
            autoscalers: &autoscalers,
            cluster: Some(&self.cluster),
            groups: &groups,
            scheduler,
            default_maximum: autoscaler::DEFAULT_MAXIMUM,
            now,
        };
        let decisions = autoscaler::decide(&input, &mut self.memory);
        for (autoscaler, decision) in self.autoscalers.iter_mut().zip(decisions) {
            autoscaler.status = decision.status;
            for action in decision.actions {
                if let Action::Scale { group: name, replicas, .. } = action
                    && let Some(group) = self.groups.iter_mut().find(|g| g.meta.name == name)
                {
                    group.spec.worker.replicas = replicas;
                }
            }
        }
    }

    /// The records of a group's pods.
    fn pods(&self, world: &World<'_>, group: usize) -> Vec<PodRecord> {
        let record = |(n, worker): (usize, &Worker)| PodRecord {
            name: name(n),
            uid: name(n).into(),
            owner_uid: Some(self.groups[group].meta.uid.clone()),
            cluster: "c".into(),
            group: Some(self.groups[group].meta.name.clone()),
            phase: if worker.is_up() { PodPhase::Running } else { PodPhase::Pending },
            ready_since: worker.registered.map(time),
            created: time(worker.requested),
            scheduled: true,
            ..PodRecord::default()
        };
        world.pods(group).map(record).collect()
    }
}

impl Contender for Operator {
    fn name(&self) -> &'static str {
        "dask-operator"
    }

    fn interval(&self) -> u64 {
        2_000
    }

    fn act(&mut self, world: &mut World<'_>) {
        let pods: Vec<Vec<PodRecord>> = (0..self.groups.len()).map(|g| self.pods(world, g)).collect();
        self.decide(&pods, &SchedulerState::Known(Arc::new(reading(world))), time(world.now));
        for (n, group) in self.groups.iter().enumerate() {
            carry_out(world, n, usize::try_from(group.spec.worker.replicas).unwrap_or(0));
        }
    }
}

/// What the operator does for a group of this size: pods that have not started go first, then idle workers.
fn carry_out(world: &mut World<'_>, group: usize, size: usize) {
    let pods = world.pods(group).count();
    if size >= pods {
        world.grow(group, size - pods);
        return;
    }
    let mut leaving: Vec<(bool, u64, usize)> = world
        .pods(group)
        .filter(|(_, w)| w.running.is_empty())
        .map(|(n, w)| (!w.is_starting(), w.bytes, n))
        .collect();
    leaving.sort_unstable_by_key(|(is_up, bytes, n)| (*is_up, *bytes, std::cmp::Reverse(*n)));
    leaving.into_iter().take(pods - size).for_each(|(_, _, n)| world.retire(n));
}

/// What the scheduler tells.
fn reading(world: &World<'_>) -> Snapshot {
    let running = world.running();
    let kinds = world.workload.kinds.iter().enumerate();
    let work = kinds.map(|(n, kind)| {
        let serves = |(_, w): &(usize, &Worker)| world.setup.can(w.group, &kind.resources);
        let served_by = world.up().find(serves).map(|(n, _)| name(n).as_str().into());
        Work {
            prefix: kind.prefix.clone(),
            shape: Shape { resources: kind.resources.clone(), is_pinned: false, served_by },
            ready: u64::try_from(world.ready(n)).unwrap_or(u64::MAX),
            assigned: u64::try_from(running[n]).unwrap_or(u64::MAX),
            seconds: world.measured[n].average,
            longest: world.measured[n].longest,
        }
    });
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let view = |(n, worker): (usize, &Worker)| {
        let busy = u64::try_from(worker.running.len()).unwrap_or(u64::MAX);
        let view = WorkerView {
            name: name(n),
            running: true,
            memory_limit: world.setup.memory,
            bytes: worker.bytes,
            busy,
            ..WorkerView::default()
        };
        (name(n).into(), view)
    };
    Snapshot {
        id: "scheduler".into(),
        started: BEGINNING,
        at: time(world.now),
        read: time(world.now),
        demand: DemandReading::Known(Demand {
            work: work.filter(|w| w.ready + w.assigned > 0).collect(),
            idle_workers: small(world.up().filter(|(_, w)| w.running.is_empty()).count()),
            threads: small(world.up().count() * world.setup.threads),
        }),
        workers: world.up().map(view).collect(),
        ..Snapshot::default()
    }
}

fn name(worker: usize) -> String {
    format!("worker-{worker}")
}

fn time(milliseconds: u64) -> Timestamp {
    Timestamp(BEGINNING.0.saturating_add_unsigned(milliseconds))
}
