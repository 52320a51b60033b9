//! Carrying out what the core decides about the group, write by write, as the shell does.

use dask_crds::DaskWorkerGroupStatus;
use dask_operator_core::{
    model::{pod::Mark, uid::Uid},
    plan::action::{Action, DeletePod, NewPod, PodRef},
    protocol::expectations::Expected,
    validation::dry_run::Verdict,
    worker_group::CreateOutcome,
};

use super::{
    event::Fate,
    fixtures,
    operator::Next,
    rules::{self, Broken},
    world::{InFlight, World},
};

impl World {
    pub(crate) fn carry_out(&mut self, action: Action) -> Result<Next, Broken> {
        if !matches!(action, Action::Event(_)) {
            self.operator.acted = true;
            self.operator.actions += 1;
        }
        self.tell(&action);
        Ok(match action {
            Action::ReserveNumbers { up_to } => self.reserve(up_to),
            Action::CreatePods(pods) => self.create(&pods)?,
            Action::MarkPods { pods, mark } => self.mark_all(&pods, Some(&mark)),
            Action::UnmarkPod(pod) => self.mark_all(&[pod], None),
            Action::DeletePod(delete) => self.delete(&delete)?,
            Action::Retire(call) => {
                let fate = self.api.armed.filter(|(f, n)| f.is_crash() && *n == 0).map(|(f, _)| f);
                if fate.is_some() {
                    self.api.armed = None;
                }
                if fate != Some(Fate::CrashBefore) {
                    self.calls.push(InFlight { call, due: self.now, waited_for: true });
                }
                self.after(fate.unwrap_or(Fate::Done))
            }
            Action::DryRun(checks) => {
                for check in checks {
                    let valid = Verdict::Valid { unknown: Vec::new() };
                    self.operator.verdicts.insert(&check.key, valid, self.now);
                }
                Next::On
            }
            _ => Next::On,
        })
    }

    fn tell(&mut self, action: &Action) {
        self.say(|_| match action {
            Action::CreatePods(pods) => {
                let names: Vec<_> = pods.iter().map(|p| p.name.as_str()).collect();
                format!("          create {}", names.join(", "))
            }
            Action::MarkPods { pods, .. } => {
                let names: Vec<_> = pods.iter().map(|p| p.name.as_str()).collect();
                format!("          mark {}", names.join(", "))
            }
            Action::UnmarkPod(pod) => format!("          unmark {}", pod.name),
            Action::DeletePod(d) => format!("          delete {}: {}", d.pod.name, d.why),
            Action::Retire(call) => format!("          retire {:?} {:?}", call.stage, call.addresses),
            Action::ReserveNumbers { up_to } => format!("          reserve numbers up to {up_to}"),
            Action::Event(event) => format!("          event {}: {}", event.reason, event.message),
            other => format!("          {other:?}"),
        });
    }

    fn reserve(&mut self, up_to: i64) -> Next {
        let first = self.api.seen_group.status.reserved_pod_numbers.unwrap_or(0).max(0);
        let fate = self.api.fate();
        if self.api.group.meta.resource_version != self.api.seen_group.meta.resource_version {
            return Next::End;
        }
        if fate.is_done() {
            let version = self.api.change_group(|g| g.status.reserved_pod_numbers = Some(up_to));
            if fate == Fate::Done {
                self.expect_group(version);
                self.operator.memory.reserved(first..up_to);
            }
        }
        self.after(fate)
    }

    fn expect_group(&mut self, version: String) {
        let meta = &self.api.group.meta;
        self.operator.expected.expect(&meta.name, &meta.uid, Expected::Version(version), self.now);
    }

    pub(crate) fn write_status(
        &mut self,
        old: &DaskWorkerGroupStatus,
        status: DaskWorkerGroupStatus,
    ) -> Next {
        if *old == status {
            return Next::On;
        }
        self.operator.acted = true;
        let fate = self.api.fate();
        if fate.is_done() {
            // Only what differs is written: numbers that were reserved in this pass stay so.
            let version = self.api.change_group(|g| {
                let reserved = g.status.reserved_pod_numbers;
                g.status = DaskWorkerGroupStatus { reserved_pod_numbers: reserved, ..status };
            });
            if fate == Fate::Done {
                self.expect_group(version);
            }
        }
        self.after(fate)
    }

    fn create(&mut self, pods: &[NewPod]) -> Result<Next, Broken> {
        let mut outcomes = Vec::new();
        let template = pods.first().map(|p| p.body.hash.clone()).unwrap_or_default();
        for new in pods {
            let fate = self.api.fate();
            if fate.is_done() {
                self.create_one(new, &template, fate)?;
            }
            if fate.is_crash() {
                return Ok(self.after(fate));
            }
            let outcome = match fate {
                Fate::Done => CreateOutcome::Created,
                Fate::Forbidden => CreateOutcome::Rejected("exceeded quota".into()),
                _ => CreateOutcome::Unknown,
            };
            outcomes.push((new.number, outcome));
        }
        self.operator.memory.created(&outcomes, &template, self.now);
        Ok(Next::On)
    }

    fn create_one(&mut self, new: &NewPod, template: &str, fate: Fate) -> Result<(), Broken> {
        let there = self.api.pod(&new.name).map(|p| (p.uid.clone(), p.resource_version.clone()));
        let (uid, version) = if let Some(there) = there {
            there
        } else {
            rules::creates(self, &new.name)?;
            let uid = Uid::from(format!("uid-{}", self.api.names.len()));
            let pod = fixtures::pod(&new.name, uid.clone(), Some(template.into()), self.now);
            self.api.names.insert(new.name.clone(), false);
            (uid, self.api.put(pod))
        };
        if fate == Fate::Done {
            self.api.names.insert(new.name.clone(), true);
            self.operator.expected.expect(&new.name, &uid, Expected::Version(version), self.now);
        }
        Ok(())
    }

    fn mark_all(&mut self, pods: &[PodRef], mark: Option<&Mark>) -> Next {
        for pod in pods {
            let fate = self.api.fate();
            let is_same = self.api.pod(&pod.name).is_some_and(|p| p.uid == pod.uid);
            if fate.is_done() && is_same {
                let version = self.api.change(&pod.name, |p| p.mark = mark.cloned());
                if let (Fate::Done, Some(version)) = (fate, version) {
                    let what = Expected::Version(version);
                    self.operator.expected.expect(&pod.name, &pod.uid, what, self.now);
                }
            }
            if fate.is_crash() {
                return self.after(fate);
            }
        }
        Next::On
    }

    fn delete(&mut self, delete: &DeletePod) -> Result<Next, Broken> {
        let fate = self.api.fate();
        let Some(pod) = self.api.pod(&delete.pod.name).cloned().filter(|p| p.uid == delete.pod.uid) else {
            return Ok(self.after(fate));
        };
        let is_version = |v: &String| *v == pod.resource_version;
        if !delete.is_valid(self.now, self.operator.memory.results_moved(self.now)) {
            return Ok(Next::On);
        }
        if fate.is_done() && !pod.deleting && delete.resource_version.as_ref().is_none_or(is_version) {
            rules::deletes(self, &pod, delete)?;
            if pod.scheduled {
                self.api.change(&pod.name, |p| p.deleting = true);
                self.dask.lose(&pod.name);
            } else {
                self.api.remove(&pod.name);
            }
            if fate == Fate::Done {
                self.operator.expected.expect(&pod.name, &pod.uid, Expected::Deleted, self.now);
            }
        }
        Ok(self.after(fate))
    }
}
