//! A number for all that decides how a world goes on: equal worlds have equal ones.

use std::{
    fmt::{self, Write},
    hash::{DefaultHasher, Hash, Hasher},
};

use dask_operator_core::{
    record::{Group, PodRecord},
    scheduler::SchedulerState,
    time::Timestamp,
};

use super::{api::Change, dask::Dask, world::World};

/// Text that goes into a hash and is kept nowhere.
struct Text<'a>(&'a mut DefaultHasher);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

/// Everything of a value that its `Debug` shows; the core's memories show all they have.
fn debug(h: &mut DefaultHasher, value: &impl fmt::Debug) {
    // Writing into a hash does not fail.
    let _ = write!(Text(h), "{value:?}");
}

/// 64 bits over the whole world but its log. What never changes, and versions that nobody can compare with
/// another any more, are left out: they are compared only while the watches lag or the operator waits for them.
pub fn of(world: &World) -> u64 {
    let mut h = DefaultHasher::new();
    let World { api, dask, operator, .. } = world;
    let is_current = api.is_shown()
        && operator.expected == Default::default()
        && operator.autoscaler_expected == Default::default();
    (world.now.0, world.autoscaled, is_current, &world.lost_nodes.len()).hash(&mut h);
    for p in &api.pods {
        pod(&mut h, p, !is_current);
    }
    group(&mut h, &api.group, !is_current);
    if !is_current {
        api.seen.iter().for_each(|p| pod(&mut h, p, true));
        group(&mut h, &api.seen_group, true);
        for change in &api.changes {
            let (Change::Put(p) | Change::Gone(p)) = change;
            matches!(change, Change::Gone(_)).hash(&mut h);
            pod(&mut h, p, true);
        }
        api.group_changes.iter().for_each(|g| group(&mut h, g, true));
        debug(&mut h, &(&operator.expected, &operator.autoscaler_expected));
    }
    (api.trickles, &api.names).hash(&mut h);
    scheduler(&mut h, dask);
    disturbances(&mut h, world);
    reading(&mut h, &world.reading);
    if let Some((state, due)) = &world.slow {
        due.0.hash(&mut h);
        reading(&mut h, state);
    }
    for call in &world.calls {
        (call.due.0, call.waited_for, &call.call.addresses, &call.call.scheduler).hash(&mut h);
        (call.call.stage as u8).hash(&mut h);
    }
    (operator.group_need as u8, operator.autoscaler_need as u8, operator.acted).hash(&mut h);
    operator.again.map(|t| t.0).hash(&mut h);
    debug(&mut h, &operator.memory);
    if world.autoscaled {
        debug(&mut h, &(&operator.samples, &operator.autoscaler.status, &world.rules.samples));
    }
    rules(&mut h, world);
    h.finish()
}

fn pod(h: &mut DefaultHasher, p: &PodRecord, versions: bool) {
    (&p.name, &p.uid, p.phase as u8, p.deleting, p.scheduled, p.disrupted).hash(h);
    (p.ready_since.map(|t| t.0), p.created.0, p.finished.map(|t| t.0), p.ip.is_some()).hash(h);
    p.mark.as_ref().map(|m| (m.at.0, &m.scheduler)).hash(h);
    if versions {
        p.resource_version.hash(h);
    }
}

fn group(h: &mut DefaultHasher, g: &Group, versions: bool) {
    let s = &g.status;
    (g.spec.worker.replicas, s.reserved_pod_numbers, &s.shrinking_since, s.failures).hash(h);
    (&s.last_failure_time, &s.template_hash, s.workers.map(|w| (w.desired, w.created, w.ready))).hash(h);
    (s.workers.map(|w| (w.retiring, w.outdated)), s.replicas).hash(h);
    for c in &s.conditions {
        (&c.type_, c.status as u8, &c.reason, &c.message, &c.last_transition_time).hash(h);
    }
    if versions {
        g.meta.resource_version.hash(h);
    }
}

fn scheduler(h: &mut DefaultHasher, dask: &Dask) {
    (dask.id, dask.started.0, &dask.keys, dask.target, &dask.exited).hash(h);
    for w in &dask.workers {
        (&w.pod, w.registered.0, w.keys, w.busy.map(|t| t.0), w.sent, w.heard).hash(h);
        (w.last_seen.0, w.leaving, w.frozen.0).hash(h);
    }
}

/// A disturbance that is over is over, whenever that was.
fn disturbances(h: &mut DefaultHasher, world: &World) {
    let left = |t: Timestamp| t.0.max(world.now.0);
    let api = &world.api;
    [world.kubelet_pause, world.silent, world.stall, world.no_offer, api.pods_lag, api.group_lag]
        .map(left)
        .hash(h);
    for (name, until) in &world.lost_nodes {
        (name, until.0).hash(h);
    }
}

fn reading(h: &mut DefaultHasher, state: &SchedulerState) {
    let SchedulerState::Known(s) = state else {
        return matches!(state, SchedulerState::Unknown).hash(h);
    };
    (&s.id, s.started.0, s.at.0, s.read.0, s.target).hash(h);
    for (address, w) in &s.workers {
        (address, &w.name, w.leaving, w.bytes, w.busy, w.last_seen.to_bits()).hash(h);
    }
    s.offer.as_ref().map(|o| (&o.addresses, &o.processing)).hash(h);
}

fn rules(h: &mut DefaultHasher, world: &World) {
    let rules = &world.rules;
    (rules.asked_at.0, rules.scaled_at.map(|t| t.0)).hash(h);
    for (uid, at) in &rules.refused {
        (uid, at.0).hash(h);
    }
}
