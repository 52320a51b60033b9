//! A number for all that decides how a world goes on: equal worlds have equal ones.

use std::{
    fmt::{self, Write},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use dask_crds::{Condition, ConditionStatus};

use dask_operator_core::{
    model::{object::Group, pod::PodRecord, scheduler::SchedulerState, time::Timestamp},
    plan::conditions::SCHEDULER_UNREACHABLE,
};

use super::{api::Change, dask::Dask, world::World};

/// Ages beyond this are all the same: no limit of the core is longer.
const OLD: i64 = 400_000;

/// What is hashed, and the moment that all times are counted from: worlds that differ in nothing but when they
/// are go on alike, because the core compares times with each other and with nothing else.
struct Print {
    hash: DefaultHasher,
    now: Timestamp,
}

impl Write for Print {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Points in time are the only numbers of so many digits: milliseconds, and seconds of heartbeats.
        let number = if text.len() == 13 || text.len() == 10 { text.parse::<i64>().ok() } else { None };
        match number {
            Some(n) if text.len() == 13 => self.time(Timestamp(n)),
            Some(n) => self.time(Timestamp(n * 1000)),
            None => self.hash.write(text.as_bytes()),
        }
        Ok(())
    }
}

impl Print {
    fn add(&mut self, value: impl Hash) {
        value.hash(&mut self.hash);
    }

    fn time(&mut self, t: Timestamp) {
        (t.0 - self.now.0).max(-OLD).hash(&mut self.hash);
    }

    fn maybe(&mut self, t: Option<Timestamp>) {
        t.is_some().hash(&mut self.hash);
        self.time(t.unwrap_or(self.now));
    }

    fn text(&mut self, t: Option<&str>) {
        self.maybe(t.and_then(Timestamp::parse));
    }

    /// Everything of a value that its `Debug` shows; the core's memories show all they have.
    fn debug(&mut self, value: &impl fmt::Debug) {
        // Writing into a hash does not fail.
        let _ = write!(self, "{value:?}");
    }
}

/// 64 bits over the whole world but its log. What never changes, and versions that cannot be compared with
/// another any more, are left out: they are compared only while the watches lag or the operator waits for them.
pub fn of(world: &World) -> u64 {
    let mut p = Print { hash: DefaultHasher::new(), now: world.now };
    let World { api, operator, .. } = world;
    let is_current = api.is_shown()
        && operator.expected == Default::default()
        && operator.autoscaler_expected == Default::default();
    p.add((world.autoscaled, is_current, world.lost_nodes.len()));
    p.pods(&api.pods, !is_current);
    p.group(&api.group, !is_current);
    if !is_current {
        p.pods(&api.seen, true);
        p.group(&api.seen_group, true);
        for change in &api.changes {
            let (Change::Put(pod) | Change::Gone(pod)) = change;
            p.add(matches!(change, Change::Gone(_)));
            p.pod(pod, true);
        }
        api.group_changes.iter().for_each(|g| p.group(g, true));
        p.debug(&(&operator.expected, &operator.autoscaler_expected));
    }
    p.add((api.trickles, &api.names));
    p.scheduler(&world.dask);
    p.disturbances(world);
    p.reading(&world.reading);
    if let Some((state, due)) = &world.slow {
        p.time(*due);
        p.reading(state);
    }
    for call in &world.calls {
        p.time(call.due);
        p.add((call.waited_for, &call.call.addresses, &call.call.scheduler, call.call.stage as u8));
    }
    p.add((operator.group_need, operator.autoscaler_need, operator.acted));
    p.maybe(operator.again);
    p.debug(&operator.memory);
    if world.autoscaled {
        p.debug(&(&operator.samples, &world.rules.samples));
        p.text(operator.autoscaler.status.last_scale_time.as_deref());
        p.conditions(&operator.autoscaler.status.conditions);
    }
    p.time(world.rules.asked_at);
    p.maybe(world.rules.asked_unseen);
    p.maybe(world.rules.scaled_at);
    for (uid, at) in &world.rules.refused {
        p.add(uid);
        p.time(*at);
    }
    p.hash.finish()
}

impl Print {
    fn pods(&mut self, pods: &[Arc<PodRecord>], versions: bool) {
        for pod in pods {
            self.pod(pod, versions);
            // Of old ones, only who is older than whom counts; that is the order of the UIDs, but for equals.
            self.add(pods.iter().filter(|p| p.created == pod.created).count());
        }
    }

    fn pod(&mut self, p: &PodRecord, versions: bool) {
        self.add((&p.name, &p.uid, p.phase as u8, p.deleting, p.scheduled, p.disrupted, p.ip.is_some()));
        self.maybe(p.ready_since);
        self.time(p.created);
        self.maybe(p.finished);
        self.maybe(p.mark.as_ref().map(|m| m.at));
        self.add(p.mark.as_ref().map(|m| &m.scheduler));
        if versions {
            self.add(&p.resource_version);
        }
    }

    fn group(&mut self, g: &Group, versions: bool) {
        let s = &g.status;
        self.add((g.spec.worker.replicas, s.reserved_pod_numbers, s.failures, &s.template_hash, s.replicas));
        self.text(s.shrinking_since.as_deref());
        self.text(s.last_failure_time.as_deref());
        self.add(s.workers.map(|w| (w.desired, w.created, w.ready, w.retiring, w.outdated)));
        self.conditions(&s.conditions);
        // One change that was not decided on is seen as it is; of more, one may have been missed.
        self.add(g.meta.generation.saturating_sub(s.observed_generation.unwrap_or_default()).min(2));
        if versions {
            self.add(&g.meta.resource_version);
        }
    }

    fn conditions(&mut self, conditions: &[Condition]) {
        for c in conditions {
            self.add((&c.type_, c.status as u8, &c.reason, &c.message));
            // Since when matters for silence alone.
            if c.type_ == SCHEDULER_UNREACHABLE && c.status == ConditionStatus::True {
                self.text(Some(&c.last_transition_time));
            }
        }
    }

    fn scheduler(&mut self, dask: &Dask) {
        self.add((dask.id, &dask.keys, dask.target, &dask.exited));
        self.time(dask.started);
        self.time(dask.next_beat);
        for w in &dask.workers {
            self.add((&w.pod, w.keys, w.long && w.busy.is_some(), w.sent, w.heard, w.leaving));
            self.time(w.registered);
            self.maybe(w.busy);
            self.time(w.last_seen);
            self.time(w.frozen.max(self.now));
        }
    }

    /// A disturbance that is over is over, whenever that was.
    fn disturbances(&mut self, world: &World) {
        let api = &world.api;
        for until in
            [world.kubelet_pause, world.silent, world.stall, world.no_offer, api.pods_lag, api.group_lag]
        {
            self.time(until.max(self.now));
        }
        for (name, until) in &world.lost_nodes {
            self.add(name);
            self.time(*until);
        }
    }

    fn reading(&mut self, state: &SchedulerState) {
        let SchedulerState::Known(s) = state else {
            return self.add(matches!(state, SchedulerState::Unknown));
        };
        self.add((&s.id, s.target, s.unanswered.is_some()));
        self.time(s.started);
        self.time(s.at);
        for (address, w) in &s.workers {
            self.add((address, &w.name, w.leaving, w.bytes, w.busy));
            self.debug(&w.last_seen);
        }
        self.add(s.offer.as_ref().map(|o| (&o.addresses, &o.processing)));
    }
}
