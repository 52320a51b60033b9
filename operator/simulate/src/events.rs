//! What happens, in the order of time.

use std::{cmp::Reverse, collections::BinaryHeap};

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// A task is submitted.
    Submitted(usize),
    /// A task has run to its end, on this worker, if it was not interrupted: the last number counts its attempts.
    Ended(usize, usize, u32),
    /// A worker is registered.
    Registered(usize),
    /// Workers are lost; the place of the loss in the workload.
    Lost(usize),
    /// Workers tell the scheduler how long their tasks have run.
    Heartbeat,
    /// The autoscaler looks.
    Tick,
}

/// What will happen.
#[derive(Default)]
pub(crate) struct Events {
    queue: BinaryHeap<Reverse<(u64, u64, Event)>>,
    count: u64,
}

impl Events {
    pub fn add(&mut self, at: u64, event: Event) {
        self.count += 1;
        self.queue.push(Reverse((at, self.count, event)));
    }

    pub fn next(&mut self) -> Option<(u64, Event)> {
        self.queue.pop().map(|Reverse((at, _, event))| (at, event))
    }
}
