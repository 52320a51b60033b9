//! The nannies of one pod: one for each worker of its command line, mostly one.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dask_worker_line::WorkerLine;

use super::{Logs, memory, run as one};
use crate::{child::Child, metrics::Metrics, scheduler::Scheduler, signals::Leave};

/// How it came out.
#[derive(Debug)]
pub enum Outcome {
    /// The pod ends with this code.
    Ended(i32),
    /// The pod has to go; those workers that there are have not left yet.
    Leave(Vec<Child>),
    /// The workers' configuration asks for a Nanny of Python.
    Refused,
    /// No scheduler came in the workers' own time.
    NoScheduler(Duration),
}

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

    /// The worker of this number has this process, or none.
    pub fn has(&self, index: u16, process: Option<i32>) {
        match process {
            Some(pid) => self.processes().insert(index, pid),
            None => self.processes().remove(&index),
        };
    }

    /// Whether no other worker uses more memory than these bytes: if the container has to be relieved, this one goes.
    pub fn is_largest(&self, resident: u64) -> bool {
        let others = self.processes().clone();
        others.into_values().filter_map(memory::resident).all(|other| other <= resident)
    }

    fn processes(&self) -> MutexGuard<'_, BTreeMap<u16, i32>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Workers that run the line with the agent as their nannies, until all of them have ended or the pod has to go.
///
/// # Errors
/// A port, or a process, cannot be had.
pub async fn run(
    line: &WorkerLine,
    scheduler: &Scheduler,
    logs: Logs,
    metrics: &Metrics,
    signals: &Leave,
) -> std::io::Result<Outcome> {
    let pod = Pod::new(metrics.clone(), logs);
    let runs = line.each().into_iter().map(async |line| {
        let mut signals = signals.clone();
        one::run(&line, scheduler, &pod, &mut signals).await
    });
    Ok(all(futures::future::try_join_all(runs).await?))
}

/// What several outcomes are together.
fn all(outcomes: Vec<Outcome>) -> Outcome {
    let (mut code, mut late, mut leave) = (0, None, None::<Vec<Child>>);
    for outcome in outcomes {
        match outcome {
            Outcome::Refused => return Outcome::Refused,
            Outcome::Ended(one) => code = if code == 0 { one } else { code },
            Outcome::NoScheduler(limit) => late = Some(limit),
            Outcome::Leave(children) => leave.get_or_insert_default().extend(children),
        }
    }
    match (leave, late) {
        (Some(children), _) => Outcome::Leave(children),
        (None, Some(limit)) => Outcome::NoScheduler(limit),
        (None, None) => Outcome::Ended(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_with_one_of_several_is_told() {
        let ended = |codes: &[i32]| codes.iter().map(|c| Outcome::Ended(*c)).collect::<Vec<_>>();
        assert!(matches!(all(ended(&[0, 0])), Outcome::Ended(0)));
        assert!(matches!(all(ended(&[0, 3, 1])), Outcome::Ended(3)));
        let late = Outcome::NoScheduler(Duration::from_secs(5));
        assert!(matches!(all(vec![Outcome::Ended(0), late]), Outcome::NoScheduler(_)));
        let leave = Outcome::Leave(vec![]);
        assert!(matches!(all(vec![Outcome::Ended(1), leave]), Outcome::Leave(c) if c.is_empty()));
    }

    #[test]
    fn the_largest_worker_makes_room() {
        let pod = Pod::new(Metrics::new().unwrap(), Logs::default());
        assert!(pod.is_largest(1), "alone");
        pod.has(1, i32::try_from(std::process::id()).ok());
        assert!(!pod.is_largest(1) && pod.is_largest(1 << 40));
        pod.has(1, None);
        assert!(pod.is_largest(1));
    }
}
