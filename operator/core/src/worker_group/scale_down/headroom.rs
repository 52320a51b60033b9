//! Whether the workers that stay can hold what the leaving ones have.

use std::collections::BTreeSet;

use crate::model::{scheduler::Snapshot, worker_address::WorkerAddress};

/// Part of its memory that a worker fills with results before it spills (`distributed.worker.memory.target`).
pub const MEMORY_TARGET: f64 = 0.60;

/// Space for moved results, kept up to date while workers are chosen to leave.
#[derive(Debug)]
pub(crate) struct Headroom<'a> {
    snapshot: &'a Snapshot,
    staying: BTreeSet<&'a WorkerAddress>,
    moved: u128,
    free: u128,
}

impl<'a> Headroom<'a> {
    /// The space that there is once `leaving` (addresses) are gone.
    pub fn without(snapshot: &'a Snapshot, leaving: &BTreeSet<&WorkerAddress>) -> Self {
        let mut room = Self { snapshot, staying: BTreeSet::new(), moved: 0, free: 0 };
        for (address, worker) in &snapshot.workers {
            if worker.running && !worker.leaving {
                room.staying.insert(address);
                room.free = room.free.saturating_add(room.free_on(address));
            }
        }
        for address in leaving {
            room.leave(address);
        }
        room
    }

    /// Nothing is moved to these, though they do not leave yet.
    pub fn spare<'b>(mut self, addresses: impl IntoIterator<Item = &'b WorkerAddress>) -> Self {
        for address in addresses {
            if self.staying.remove(address) {
                self.free = self.free.saturating_sub(self.free_on(address));
            }
        }
        self
    }

    /// Whether these may leave too; if so, they count as gone from now on.
    pub fn try_leave(&mut self, addresses: &BTreeSet<WorkerAddress>) -> bool {
        let before = (self.moved, self.free);
        let stayed: Vec<_> = addresses.iter().filter_map(|a| self.staying.get(a).copied()).collect();
        for address in addresses {
            self.leave(address);
        }
        let fits = self.moved <= self.free;
        if !fits {
            self.staying.extend(stayed);
            (self.moved, self.free) = before;
        }
        fits
    }

    fn leave(&mut self, address: &WorkerAddress) {
        let free = self.free_on(address);
        if self.staying.remove(address) {
            self.free = self.free.saturating_sub(free);
        }
        let bytes = self.snapshot.workers.get(address).map_or(0, |w| w.bytes);
        self.moved = self.moved.saturating_add(u128::from(bytes));
    }

    fn free_on(&self, address: &WorkerAddress) -> u128 {
        match self.snapshot.workers.get(address) {
            None => 0,
            Some(w) if w.memory_limit == 0 => u128::from(u64::MAX),
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Some(w) => u128::from(((w.memory_limit as f64 * MEMORY_TARGET) as u64).saturating_sub(w.bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::scheduler::WorkerView;

    fn snapshot(workers: &[(&str, u64, u64)]) -> Snapshot {
        let workers = workers
            .iter()
            .map(|(a, limit, bytes)| {
                let w = WorkerView {
                    running: true,
                    memory_limit: *limit,
                    bytes: *bytes,
                    ..WorkerView::default()
                };
                (WorkerAddress::from(*a), w)
            })
            .collect::<BTreeMap<_, _>>();
        Snapshot { workers, ..Snapshot::default() }
    }

    fn set(a: &str) -> BTreeSet<WorkerAddress> {
        BTreeSet::from([a.into()])
    }

    #[test]
    fn only_as_many_leave_as_the_others_can_hold() {
        let s = snapshot(&[("a", 100, 40), ("b", 100, 40), ("c", 100, 10)]);
        let mut room = Headroom::without(&s, &BTreeSet::new());
        assert!(room.try_leave(&set("a")), "b and c have 20 + 50 free");
        assert!(!room.try_leave(&set("b")), "c has 50 free for 80");
        assert!(!room.try_leave(&set("c")), "b has 20 free for 50");
    }

    #[test]
    fn the_last_one_leaves_only_empty_handed() {
        let s = snapshot(&[("a", 100, 1)]);
        assert!(!Headroom::without(&s, &BTreeSet::new()).try_leave(&set("a")));
        let s = snapshot(&[("a", 100, 0)]);
        assert!(Headroom::without(&s, &BTreeSet::new()).try_leave(&set("a")));
    }

    #[test]
    fn those_that_leave_already_take_space() {
        let s = snapshot(&[("a", 100, 40), ("b", 100, 10), ("c", 100, 15)]);
        let mut room = Headroom::without(&s, &BTreeSet::from([&"a".into()]));
        assert!(!room.try_leave(&set("b")), "c has 45 free for 50");
    }
}
