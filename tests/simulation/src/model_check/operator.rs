//! The operator of the small world: the core decides, and its actions are carried out as the shell does.

use std::{collections::BTreeMap, sync::Arc};

use dask_crds::DaskAutoscalerStatus;
use dask_operator_core::{
    autoscaler,
    model::{object::Autoscaler, pod::PodRecord, time::Timestamp},
    plan::{
        action::{Action, Decision},
        phases::Phases,
        scheduler_need::SchedulerNeed,
    },
    protocol::expectations::{Expectations, Expected},
    validation::dry_run::Verdicts,
    worker_group,
};

use super::{
    event::Fate,
    rules::{self, Broken},
    world::World,
};

/// A process of the operator, and the autoscaler's object, which has no other writer.
#[derive(Clone, Debug)]
pub struct Operator {
    /// What it remembers of the group.
    pub memory: worker_group::PlannerState,
    /// What it remembers of the autoscaler.
    pub samples: autoscaler::PlannerState,
    /// What it waits for before it decides on the group.
    pub expected: Expectations,
    /// What it waits for before it decides on the autoscaler.
    pub autoscaler_expected: Expectations,
    /// What the API server said of templates.
    pub verdicts: Verdicts,
    /// What the group needs of the scheduler.
    pub group_need: SchedulerNeed,
    /// What the autoscaler needs of the scheduler.
    pub autoscaler_need: SchedulerNeed,
    /// The autoscaler.
    pub autoscaler: Arc<Autoscaler>,
    /// When the group is looked at again, whatever happens.
    pub again: Option<Timestamp>,
    /// Whether the last look led to anything.
    pub acted: bool,
    /// How many actions there were so far, status and events left out.
    pub actions: u64,
}

/// How carrying out goes on.
pub(crate) enum Next {
    /// It goes on.
    On,
    /// The pass ends here; the next one begins anew.
    End,
}

impl Operator {
    /// A new process.
    pub fn new(autoscaler: Autoscaler) -> Self {
        Self {
            memory: worker_group::PlannerState::default(),
            samples: autoscaler::PlannerState::default(),
            expected: Expectations::default(),
            autoscaler_expected: Expectations::default(),
            verdicts: Verdicts::default(),
            group_need: SchedulerNeed::NONE,
            autoscaler_need: SchedulerNeed::NONE,
            autoscaler: Arc::new(autoscaler),
            again: None,
            acted: false,
            actions: 0,
        }
    }

    /// The process ends, and another one begins.
    pub fn forget(&mut self) {
        *self = Self { actions: self.actions, ..Self::new(Autoscaler::clone(&self.autoscaler)) };
    }
}

impl World {
    /// The operator looks at the autoscaler and at the group.
    pub(crate) fn turn(&mut self) -> Result<(), Broken> {
        let operator = &mut self.operator;
        self.api.deliver(self.now, &mut [&mut operator.expected, &mut operator.autoscaler_expected]);
        if self.api.group_changes.is_empty() {
            self.rules.asked_at = self.rules.asked_unseen.take().unwrap_or(self.rules.asked_at);
        }
        for name in self.api.gone.drain(..) {
            operator.memory.gone(&name);
        }
        operator.acted = false;
        if !self.autoscaled {
            operator.autoscaler_need = SchedulerNeed::NONE;
        }
        if self.autoscaled && operator.autoscaler_expected.wait(self.now, std::time::Duration::MAX).is_none()
        {
            self.look_at_autoscaler()?;
        }
        if self.operator.expected.wait(self.now, std::time::Duration::MAX).is_some() {
            return Ok(());
        }
        self.look_at_group()
    }

    fn look_at_autoscaler(&mut self) -> Result<(), Broken> {
        let autoscaler = self.operator.autoscaler.clone();
        let pods: Vec<&PodRecord> = self.api.seen.iter().map(AsRef::as_ref).collect();
        let decisions = autoscaler::decide(
            &autoscaler::Input {
                autoscalers: &[&*autoscaler],
                cluster: Some(&self.cluster),
                groups: &[autoscaler::Workers { group: &self.api.seen_group, pods: &pods }],
                scheduler: &self.reading,
                default_maximum: autoscaler::DEFAULT_MAXIMUM,
                now: self.now,
            },
            &mut self.operator.samples,
        );
        let Some(decision) = decisions.into_iter().next() else { return Ok(()) };
        self.decisions += 1;
        self.rules.sample(&self.reading);
        self.operator.autoscaler_need = decision.need;
        let Decision { actions, status, .. } = decision;
        for action in actions {
            if let Action::Scale { resource_version, replicas, .. } = action
                && matches!(self.scale(&resource_version, replicas)?, Next::End)
            {
                return Ok(());
            }
        }
        self.write_autoscaler(status);
        Ok(())
    }

    fn write_autoscaler(&mut self, status: DaskAutoscalerStatus) {
        if status == self.operator.autoscaler.status {
            return;
        }
        let fate = self.api.fate();
        if fate.is_done() {
            if status.last_scale_time != self.operator.autoscaler.status.last_scale_time {
                self.rules.scaled_at = Some(self.now);
            }
            Arc::make_mut(&mut self.operator.autoscaler).status = status;
        }
        if fate.is_crash() {
            self.crash();
        }
    }

    fn scale(&mut self, version: &str, replicas: i32) -> Result<Next, Broken> {
        self.say(|_| format!("          scale to {replicas}"));
        rules::scales(self, replicas)?;
        self.operator.acted = true;
        let fate = self.api.fate();
        if self.api.group.meta.resource_version != version {
            return Ok(Next::End);
        }
        if fate.is_done() {
            let version = self.api.change_group(|g| g.spec.worker.replicas = replicas);
            if fate == Fate::Done {
                let meta = &self.api.group.meta;
                let what = Expected::Version(version);
                self.operator.autoscaler_expected.expect(&meta.name, &meta.uid, what, self.now);
            }
        }
        Ok(self.after(fate))
    }

    /// Whether the pass goes on after a write that had this fate.
    pub(crate) fn after(&mut self, fate: Fate) -> Next {
        if fate.is_crash() {
            self.say(|_| "          the operator's process is replaced".into());
            self.crash();
        }
        if fate == Fate::Done { Next::On } else { Next::End }
    }

    fn look_at_group(&mut self) -> Result<(), Broken> {
        let group = self.api.seen_group.clone();
        let seen = self.api.seen.clone();
        let pods: Vec<&PodRecord> = seen.iter().map(AsRef::as_ref).collect();
        let input = worker_group::Input {
            group: &group,
            cluster: Some(&self.cluster),
            pods: &pods,
            cluster_pods: &pods,
            chosen_elsewhere: &Default::default(),
            results_moved: self.operator.memory.results_moved(self.now),
            strays: &[],
            scheduler: &self.reading,
            agents: self.reading.known(),
            has_scheduler_pod: true,
            verdicts: &self.operator.verdicts,
            threats: &BTreeMap::new(),
            autoscaled: self.autoscaled,
            now: self.now,
            domain: "cluster.local",
            agent: &Default::default(),
        };
        let Decision { actions, status, requeue, need } =
            worker_group::decide(&input, &mut self.operator.memory);
        self.decisions += 1;
        self.operator.again = requeue.map(|d| self.now.plus(d));
        self.rules.forced = rules::decided(self, &actions)?;
        let phases = Phases::of(actions);
        for action in phases.before_status {
            if matches!(self.carry_out(action)?, Next::End) {
                return Ok(());
            }
        }
        if matches!(self.write_status(&group.status, status), Next::End) {
            return Ok(());
        }
        self.operator.group_need = need;
        let Phases { events, creations, changes, deletions, .. } = phases;
        self.after_status([events, creations, changes, deletions].concat())
    }

    /// Carries out what may fail without ending the pass.
    fn after_status(&mut self, actions: Vec<Action>) -> Result<(), Broken> {
        for action in actions {
            // One that fails does not keep the others from being tried; a process that ended does.
            let process = self.rules.processes;
            self.carry_out(action)?;
            if self.rules.processes != process {
                return Ok(());
            }
        }
        Ok(())
    }
}
