//! One workload under each contender, for several seeds.

use std::ops::Range;

use dask_crds::DaskAutoscalerSpec;

use crate::{
    contender::{Contender, adaptive::Adaptive, dask_kubernetes::DaskKubernetes, operator::Operator},
    numbers::seconds,
    outcome::Outcome,
    run::run,
    setup::{Group, Setup},
    table::Case,
    workload::{Workload, builtin},
};

/// What runs.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// A workload that comes with the program, which each seed makes anew.
    Builtin(&'a str),
    /// One of the user's: seeds differ in how long workers take to start.
    Own(&'a Workload),
}

/// On what it runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The median time that a worker takes to start, milliseconds.
    pub startup: u64,
    /// The seeds.
    pub seeds: Range<u64>,
    /// Most workers of each group.
    pub maximum: usize,
    /// Threads of each worker.
    pub threads: usize,
    /// Memory of each worker, bytes.
    pub memory: u64,
    /// What workers of further groups have, each with its amount.
    pub groups: Vec<Vec<(String, f64)>>,
    /// The operator's policy.
    pub policy: DaskAutoscalerSpec,
}

/// Why nothing runs.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// There is no such workload.
    #[error("there is no workload {0:?}: known are {1}")]
    UnknownWorkload(String, String),
    /// No object can be made of the policy.
    #[error("the policy is no DaskAutoscaler: {0}")]
    Policy(#[from] serde_json::Error),
}

/// Runs a workload under each contender.
///
/// # Errors
/// There is no such workload, or the policy is none.
pub fn case(source: Source<'_>, options: &Options) -> Result<Case, CompareError> {
    let name = match source {
        Source::Builtin(name) => name.to_owned(),
        Source::Own(workload) => workload.name.clone(),
    };
    let mut runs: Vec<(&'static str, Vec<Outcome>)> = Vec::new();
    let (mut earliest, mut work) = (0, 0);
    for seed in options.seeds.clone() {
        let made = workload(source, seed)?;
        let setup = setup(source, options, seed);
        let is_feasible = |kind: usize| setup.is_feasible(&made.kinds[kind].resources);
        earliest += made.earliest_end(setup.startup, is_feasible);
        work += made.work(is_feasible);
        let others = one_group(&setup);
        let mut own = Operator::new(&setup, &options.policy)?;
        let (mut second, mut third) = (DaskKubernetes::default(), Adaptive::default());
        let all: [(&Setup, &mut dyn Contender); 3] =
            [(&setup, &mut own), (&others, &mut second), (&others, &mut third)];
        for (n, (setup, contender)) in all.into_iter().enumerate() {
            let outcome = run(&made, setup, contender);
            match runs.get_mut(n) {
                Some((_, outcomes)) => outcomes.push(outcome),
                None => runs.push((contender.name(), vec![outcome])),
            }
        }
    }
    let seeds = options.seeds.end.saturating_sub(options.seeds.start).max(1);
    Ok(Case { workload: name, bound: (seconds(earliest / seeds), seconds(work / seeds)), contenders: runs })
}

fn workload(source: Source<'_>, seed: u64) -> Result<Workload, CompareError> {
    let known = || builtin::names().collect::<Vec<_>>().join(", ");
    match source {
        Source::Own(workload) => Ok(workload.clone()),
        Source::Builtin(name) => {
            builtin::workload(name, seed).ok_or_else(|| CompareError::UnknownWorkload(name.into(), known()))
        }
    }
}

fn setup(source: Source<'_>, options: &Options, seed: u64) -> Setup {
    let needs_gpu = matches!(source, Source::Builtin("mixed-shapes"));
    let gpu = needs_gpu.then(|| vec![(builtin::GPU.to_string(), 1.0)]);
    let further = options.groups.iter().cloned().chain(gpu);
    let group = |(n, resources): (usize, Vec<(String, f64)>)| Group {
        name: if n == 0 { "c-default".into() } else { format!("c-group-{n}") },
        resources,
        minimum: 0,
        maximum: options.maximum,
    };
    let groups = std::iter::once(Vec::new()).chain(further).enumerate().map(group).collect();
    let Options { threads, memory, startup, .. } = *options;
    Setup { groups, threads, memory, startup, seed }
}

/// The cluster as those need it that scale one group: each of its workers has what any has.
fn one_group(setup: &Setup) -> Setup {
    let first = &setup.groups[0];
    let resources = setup.groups.iter().flat_map(|g| g.resources.iter().cloned()).collect();
    let maximum = setup.groups.iter().map(|g| g.maximum).sum();
    Setup { groups: vec![Group { resources, maximum, ..first.clone() }], ..setup.clone() }
}

#[cfg(test)]
mod tests;
