//! P2P shuffles: shards that only their participants have. Where one of those goes, the shuffle begins again.

use std::{collections::BTreeSet, time::Duration};

use super::Scheduler;

/// A P2P shuffle that runs.
#[derive(Clone, Debug)]
pub struct Shuffle {
    /// Addresses of the workers that take part.
    pub participants: BTreeSet<String>,
    /// How often it has begun.
    pub epoch: u64,
    /// How long it takes.
    pub takes: Duration,
    /// When it is through.
    pub ends: Duration,
}

impl Scheduler {
    /// All workers that stay begin to shuffle.
    pub fn shuffle(&mut self, takes: Duration) {
        let staying = self.workers.iter().filter(|(_, w)| !w.leaving);
        let participants = staying.map(|(address, _)| address.clone()).collect();
        self.shuffle = Some(Shuffle { participants, epoch: 1, takes, ends: self.now + takes });
    }

    /// Whether this worker takes part in a shuffle.
    pub fn is_shuffling(&self, address: &str) -> bool {
        self.shuffle.as_ref().is_some_and(|s| s.participants.contains(address))
    }

    /// A worker is gone: a shuffle that it took part in begins again with those that are left.
    pub(super) fn left_shuffle(&mut self, address: &str) {
        let Some(shuffle) = &mut self.shuffle else { return };
        if !shuffle.participants.remove(address) {
            return;
        }
        shuffle.epoch += 1;
        shuffle.ends = self.now + shuffle.takes;
    }

    /// What is over is over.
    pub(super) fn end_shuffle(&mut self) {
        let now = self.now;
        self.shuffle.take_if(|s| s.ends <= now || s.participants.is_empty());
    }
}
