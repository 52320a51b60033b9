//! What the nannies of one pod share.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Logs, memory_limits};
use crate::metrics::Metrics;

/// What the nannies of a pod share.
#[derive(Clone, Debug)]
pub struct Pod {
    /// What is counted.
    pub metrics: Metrics,
    /// What the agent said.
    pub logs: Logs,
    /// The workers' processes.
    processes: Arc<Mutex<BTreeMap<u16, i32>>>,
}

impl Pod {
    /// Without a worker.
    pub fn new(metrics: Metrics, logs: Logs) -> Self {
        Self { metrics, logs, processes: Arc::default() }
    }

    /// The worker of this number has this process, as it told itself, or none.
    pub fn set_worker_pid(&self, index: u16, process: Option<i32>) {
        match process {
            Some(pid) => self.processes().insert(index, pid),
            None => self.processes().remove(&index),
        };
    }

    /// Whether no other worker uses more memory than these bytes of this one: if the container has to be relieved, it goes.
    pub fn is_largest(&self, index: u16, resident: u64) -> bool {
        let others = self.processes().clone().into_iter().filter(|(other, _)| *other != index);
        others.filter_map(|(_, pid)| memory_limits::resident(pid)).all(|other| other <= resident)
    }

    fn processes(&self) -> MutexGuard<'_, BTreeMap<u16, i32>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_worker_makes_room() {
        let pod = Pod::new(Metrics::new().unwrap(), Logs::default());
        assert!(pod.is_largest(0, 1), "alone");
        pod.set_worker_pid(1, i32::try_from(std::process::id()).ok());
        assert!(!pod.is_largest(0, 1) && pod.is_largest(0, 1 << 40));
        assert!(pod.is_largest(1, 1), "it is not compared with itself");
        pod.set_worker_pid(1, None);
        assert!(pod.is_largest(0, 1));
    }
}
