//! Carries a decision out in the small world, and checks that it may be.

use super::*;

impl World {
    pub(super) fn carry_out(&mut self, action: Action, forced: bool) {
        match action {
            Action::ReserveNumbers { up_to } => {
                let first = self.group.status.reserved_pod_numbers.unwrap_or(0);
                self.group.status.reserved_pod_numbers = Some(up_to);
                self.memory.reserved(first..up_to);
            }
            Action::CreatePods(pods) => {
                for new in &pods {
                    assert!(self.names.insert(new.name.clone()), "{} is used twice", new.name);
                    self.count = self.count.wrapping_add(1);
                    let mut p = pod(&new.name, self.count);
                    p.uid = format!("uid-of-{}", new.name).into();
                    (p.phase, p.ready_since, p.created, p.ip) = (PodPhase::Pending, None, self.now, None);
                    self.pods.insert(new.name.clone(), p);
                }
                let lost = std::mem::take(&mut self.answers_lost);
                let outcome = if lost { CreateOutcome::Unknown } else { CreateOutcome::Created };
                let made: Vec<_> = pods.iter().map(|p| (p.number, outcome.clone())).collect();
                self.memory.created(&made, "t", self.now);
            }
            Action::MarkPods { pods, mark } => {
                assert!(!self.silent, "no pod is chosen while the scheduler is silent");
                pods.iter().for_each(|p| self.leaves_no_shuffle(p));
                self.mark(&pods, Some(&mark));
            }
            Action::UnmarkPod(pod) => self.mark(&[pod], None),
            Action::DryRun(checks) => {
                for check in checks {
                    self.verdicts.insert(&check.key, Verdict::Valid { unknown: Vec::new() }, self.now);
                }
            }
            Action::Retire(call) => {
                assert!(self.call.insert(call.stage, call).is_none(), "one call at a time");
            }
            Action::DeletePod(delete) => {
                let pod = self.pods.remove(&delete.pod.name).unwrap();
                assert_eq!(pod.uid, delete.pod.uid);
                let address = Self::address(&pod);
                let held = self.workers.contains_key(&address) && !self.closed.contains(&address);
                assert!(!held || forced, "{} was deleted with what it held: {}", pod.name, delete.why);
                assert!(!self.silent || !pod.is_live(), "the scheduler is silent");
                self.workers.remove(&address);
            }
            _ => {}
        }
    }

    /// A participant of a shuffle goes only with its node, and not at once.
    fn leaves_no_shuffle(&self, chosen: &PodRef) {
        let address = Self::address(&self.pods[&chosen.name]);
        if !self.shuffle.contains(&address) || self.workers.get(&address).is_none_or(|w| w.leaving) {
            return;
        }
        let waited = self.threatened_at.get(&chosen.uid).map(|at| self.now.since(*at));
        assert!(
            waited.is_some_and(|w| w.as_secs() >= 60),
            "{} leaves a shuffle after {waited:?}",
            chosen.name
        );
    }

    fn mark(&mut self, pods: &[PodRef], mark: Option<&Mark>) {
        for p in pods {
            self.pods.get_mut(&p.name).unwrap().mark = mark.cloned();
        }
    }
}
