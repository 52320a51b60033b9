//! The figures of runs, as tables for a terminal.

use std::fmt::Write;

use crate::{numbers::count, outcome::Outcome};

/// The runs of one workload and one start-up time: the same seeds for each contender.
#[derive(Clone, Debug)]
pub struct Case {
    /// The workload's name.
    pub workload: String,
    /// Seconds that no policy is faster than, and seconds of work, on average over the seeds.
    pub bound: (f64, f64),
    /// What each contender came to, by seed.
    pub contenders: Vec<(&'static str, Vec<Outcome>)>,
}

/// Ratios of one contender to others, over cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratios {
    /// Of the makespan to the shorter one of the others.
    pub makespan: f64,
    /// The largest of these, of one workload.
    pub worst: f64,
    /// Of the worker-seconds to those of dask-kubernetes.
    pub to_dask_kubernetes: f64,
    /// Of the worker-seconds to those of Adaptive.
    pub to_adaptive: f64,
    /// Of what tasks waited to the shorter one of the others'.
    pub waited: f64,
    /// Of the makespan to the earliest end there is.
    pub to_bound: f64,
}

impl Case {
    fn mean(&self, contender: usize, of: impl Fn(&Outcome) -> f64) -> f64 {
        let outcomes = &self.contenders[contender].1;
        outcomes.iter().map(of).sum::<f64>() / count(outcomes.len())
    }

    fn makespan(&self, contender: usize) -> f64 {
        self.mean(contender, |o| o.makespan.unwrap_or(f64::INFINITY))
    }

    /// Ratio of the makespans; infinite where it does not end in time, and no number where none does.
    fn to_better(&self) -> f64 {
        self.makespan(0) / self.makespan(1).min(self.makespan(2))
    }

    fn worker_seconds_to(&self, other: usize) -> f64 {
        self.mean(0, |o| o.worker_seconds) / self.mean(other, |o| o.worker_seconds)
    }
}

/// The first contender beside the two others: geometric means over the cases.
pub fn ratios(cases: &[Case]) -> Ratios {
    let mean = |of: &dyn Fn(&Case) -> f64| {
        (cases.iter().map(|c| of(c).ln()).sum::<f64>() / count(cases.len())).exp()
    };
    Ratios {
        makespan: mean(&Case::to_better),
        worst: cases.iter().map(Case::to_better).fold(0.0, f64::max),
        to_dask_kubernetes: mean(&|c| c.worker_seconds_to(1)),
        to_adaptive: mean(&|c| c.worker_seconds_to(2)),
        waited: mean(&|c| c.mean(0, |o| o.waited) / c.mean(1, |o| o.waited).min(c.mean(2, |o| o.waited))),
        to_bound: mean(&|c| c.makespan(0) / c.bound.0),
    }
}

/// A line with the ratios.
pub fn summary(startup: u64, ratios: &Ratios) -> String {
    let Ratios { makespan, worst, to_dask_kubernetes, to_adaptive, waited, to_bound } = ratios;
    format!(
        "start-up {startup} s: makespan {makespan:.3} of the better one's (worst {worst:.3}, {to_bound:.2} of the \
         bound), worker-seconds {to_dask_kubernetes:.2} of dask-kubernetes' and {to_adaptive:.2} of Adaptive's, \
         waits {waited:.2} of the shorter one's\n"
    )
}

/// A line for each workload and contender.
pub fn cases(cases: &[Case]) -> String {
    let mut text = format!(
        "{:<15} {:<16} {:>9} {:>7} {:>10} {:>6} {:>8} {:>7} {:>6} {:>6}\n",
        "workload",
        "autoscaler",
        "makespan",
        "waited",
        "worker-s",
        "busy",
        "changes",
        "lost s",
        "again",
        "peak"
    );
    for case in cases {
        let (earliest, work) = case.bound;
        let _ = writeln!(
            text,
            "{:<15} {:<16} {earliest:>8.0}s {:>7} {work:>10.0} {:>5}%",
            case.workload, "(bound)", "", 100
        );
        for (n, (name, _)) in case.contenders.iter().enumerate() {
            let of = |of: fn(&Outcome) -> f64| case.mean(n, of);
            let _ = writeln!(
                text,
                "{:<15} {name:<16} {:>8.0}s {:>6.1}s {:>10.0} {:>5.0}% {:>8.0} {:>7.0} {:>6.0} {:>6.0}",
                "",
                case.makespan(n),
                of(|o| o.waited),
                of(|o| o.worker_seconds),
                100.0 * of(|o| o.busy_share),
                of(|o| count(o.changes)),
                of(|o| o.interrupted),
                of(|o| count(o.again)),
                of(|o| count(o.peak)),
            );
        }
    }
    text
}
