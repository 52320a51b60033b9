//! How a scheduler lets workers go: one that holds a last copy hands it over first, or stays.

use super::{Key, Retired, Scheduler, Worker};

impl Scheduler {
    /// Who may go best: who runs nothing and holds least. Participants of a shuffle may not.
    pub fn to_close(&self, n: usize) -> Vec<String> {
        let mut all: Vec<_> =
            self.workers.iter().filter(|(a, w)| !w.leaving && !self.is_shuffling(a)).collect();
        all.sort_by_key(|(a, w)| (w.runs.is_some(), self.bytes(a), (*a).clone()));
        all.into_iter().take(n).map(|(a, _)| a.clone()).collect()
    }

    /// Lets workers go, each only if others can take what only it holds; answers whom.
    pub fn retire(&mut self, asked: &[String], close: bool) -> Vec<String> {
        let known: Vec<&Worker> = asked.iter().filter_map(|a| self.workers.get(a)).collect();
        let pods =
            |of: &dyn Fn(&Worker) -> bool| known.iter().filter(|w| of(w)).map(|w| w.pod.clone()).collect();
        // Who registered while the call before this one was answered cannot be known: it is closed as if it were the
        // worker that was drained, and the scheduler moves what it holds.
        let is_unseen = |w: &Worker| self.now.saturating_sub(w.since) <= self.mood.slow;
        let (asked_for, unprepared) = (pods(&|_| true), pods(&|w| close && !w.leaving && !is_unseen(w)));
        let shuffling = asked.iter().filter(|a| close && self.is_shuffling(a));
        let shuffling = shuffling.filter_map(|a| self.workers.get(a)).map(|w| w.pod.clone()).collect();
        let scheduler = self.id.clone();
        self.retired.push(Retired { scheduler, asked: asked_for, close, shuffling, unprepared });
        self.let_leave(asked, close)
    }

    /// The same, asked for by a worker's own agent.
    pub fn let_leave(&mut self, asked: &[String], close: bool) -> Vec<String> {
        if self.mood.refuses {
            return Vec::new();
        }
        let most = if self.mood.accepts_one { 1 } else { asked.len() };
        let known: Vec<&String> = asked.iter().filter(|a| self.workers.contains_key(*a)).take(most).collect();
        let mut accepted = Vec::new();
        for address in known {
            let others = |a: &String, w: &Worker| a != address && !w.leaving && !asked.contains(a);
            let heir = self
                .workers
                .iter()
                .filter(|(a, w)| others(a, w))
                .map(|(a, _)| a.clone())
                .min_by_key(|a| self.bytes(a));
            if !self.hand_over(address, heir.as_ref()) {
                continue;
            }
            accepted.push(address.clone());
            if close {
                self.close(address);
            } else if let Some(worker) = self.workers.get_mut(address) {
                worker.leaving = true;
            }
        }
        accepted
    }

    /// Moves what only this worker holds to another one; whether that went well.
    fn hand_over(&mut self, address: &str, heir: Option<&String>) -> bool {
        let only_here = |k: &Key| k.holders.len() == 1 && k.holders.contains(address);
        if !self.keys.values().any(only_here) {
            return true;
        }
        let Some(heir) = heir else { return false };
        for key in self.keys.values_mut().filter(|k| k.holders.contains(address)) {
            key.holders.remove(address);
            key.holders.insert(heir.clone());
        }
        true
    }

    fn close(&mut self, address: &str) {
        let Some(worker) = self.workers.remove(address) else { return };
        if let Some((task, _)) = worker.runs {
            self.waiting.push_front(task);
        }
        self.drop_holder(address);
        self.let_go.insert(worker.pod.clone());
        self.closed.push(worker.pod);
        self.assign();
    }
}
