//! What happens in a scheduler while time passes: tasks end, heartbeats come.

use std::time::Duration;

use super::{Scheduler, Worker};

/// How often a worker sends a heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(1);

impl Scheduler {
    /// Lets time pass until `now`.
    pub fn advance(&mut self, now: Duration) {
        loop {
            let ends = self.workers.values().filter(|w| !w.frozen).filter_map(|w| w.runs.map(|r| r.1)).min();
            let beats = self.workers.values().filter(|w| !w.frozen).map(|w| w.beat.0 + HEARTBEAT).min();
            match (ends, beats) {
                (Some(end), beat) if end <= now && beat.is_none_or(|b| end <= b) => self.finish(end),
                (_, Some(beat)) if beat <= now => self.beat(beat),
                _ => break,
            }
        }
        self.now = self.now.max(now);
        self.end_shuffle();
    }

    fn finish(&mut self, at: Duration) {
        self.now = self.now.max(at);
        let is_done = |w: &Worker| !w.frozen && w.runs.is_some_and(|(_, end)| end <= at);
        let done: Vec<String> =
            self.workers.iter().filter(|(_, w)| is_done(w)).map(|(a, _)| a.clone()).collect();
        for address in done {
            let Some((task, _)) = self.workers.get_mut(&address).and_then(|w| w.runs.take()) else {
                continue;
            };
            if task.result > 0 {
                self.hold(&address, task.result, false);
            }
        }
        self.assign();
    }

    fn beat(&mut self, at: Duration) {
        self.now = self.now.max(at);
        let due: Vec<String> = self
            .workers
            .iter()
            .filter(|(_, w)| !w.frozen && w.beat.0 + HEARTBEAT <= at)
            .map(|(a, _)| a.clone())
            .collect();
        for address in due {
            let bytes = self.bytes(&address);
            if let Some(worker) = self.workers.get_mut(&address) {
                worker.beat = (at, u64::from(worker.runs.is_some()), bytes);
            }
        }
    }
}
