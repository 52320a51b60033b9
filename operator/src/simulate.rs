//! `dask-operator simulate`: what autoscalers do with a workload, before one is trusted.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, ensure};
use clap::Args;
use dask_operator_simulate::{
    compare::{self, Options, Source},
    policy, table, timeline,
    workload::{Workload, file},
};

/// Workloads of which each has one kind of workers, and work that these can do: what all autoscalers can be compared by.
const COMPARED: [&str; 7] =
    ["burst", "ramp", "diurnal", "long-tail", "map-reduce", "interactive", "spot-storm"];

/// What a file of one's own has.
const FILE: &str = "A file has a task in each line, as JSON:\n  \
    {\"key\": \"load-1\", \"at\": 0, \"seconds\": 2.5}\n  \
    {\"key\": \"fit-1\", \"seconds\": 60, \"inputs\": [\"load-1\"], \"resources\": {\"GPU\": 1}, \"bytes\": 1000000}\n  \
    {\"prefix\": \"score\", \"at\": 30, \"seconds\": 0.5, \"count\": 200}\n\
    or a loss of workers, here of every third:\n  \
    {\"lose_one_in\": 3, \"at\": 120}";

/// The arguments of `dask-operator simulate`.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = FILE)]
pub struct SimulateArgs {
    /// A workload that comes with the program: burst, ramp, diurnal, long-tail, map-reduce, interactive, spot-storm, mixed-shapes,
    /// infeasible-mix; repeat for more [default: the first seven]
    #[arg(long = "workload", conflicts_with = "file")]
    pub workloads: Vec<String>,
    /// A workload of one's own
    #[arg(long)]
    pub file: Option<PathBuf>,
    /// The policy of this operator: a DaskAutoscaler, or its spec, as YAML or JSON
    #[arg(long)]
    pub policy: Option<PathBuf>,
    /// Seconds that a worker takes to start (the median)
    #[arg(long, value_delimiter = ',', default_value = "20", value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub startup_seconds: Vec<u64>,
    /// How many seeds; figures are means
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(0..=1_000_000_000))]
    pub first_seed: u64,
    /// Most workers of a group
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub maximum: u16,
    /// Threads of a worker
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub threads: u16,
    /// Memory of a worker, GiB
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub memory_gib: u64,
    /// A further group, by what its workers have, such as GPU=1; repeat for more
    #[arg(long = "group", value_parser = resources)]
    pub groups: Vec<Resources>,
    /// Draw the first seed's runs of the one workload, as SVG
    #[arg(long)]
    pub svg: Option<PathBuf>,
}

/// Amounts of abstract resources, by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Resources(Vec<(String, f64)>);

fn resources(text: &str) -> Result<Resources, String> {
    let one = |pair: &str| {
        let (name, amount) = pair.split_once('=')?;
        let amount = amount.parse().ok().filter(|a: &f64| a.is_finite() && *a > 0.0)?;
        (!name.is_empty()).then(|| (name.to_owned(), amount))
    };
    let all: Option<Vec<_>> = text.split(',').map(one).collect();
    all.map(Resources).ok_or_else(|| "must be NAME=AMOUNT, such as GPU=1, and commas between more".into())
}

/// Simulates, and writes tables to standard output.
///
/// # Errors
/// A file cannot be read, or what it says is wrong.
pub fn simulate(args: &SimulateArgs) -> anyhow::Result<()> {
    let policy = match &args.policy {
        None => policy::read("{}"),
        Some(path) => policy::read(&read(path)?),
    };
    let policy = policy.with_context(|| format!("--policy {}", shown(args.policy.as_ref())))?;
    let own = match &args.file {
        None => None,
        Some(path) => {
            let name = path.file_stem().map_or_else(|| "own".into(), |n| n.to_string_lossy().into_owned());
            Some(file::read(&name, &read(path)?).with_context(|| format!("--file {}", path.display()))?)
        }
    };
    let sources = sources(args, own.as_ref());
    ensure!(
        args.svg.is_none() || sources.len() == 1 && args.startup_seconds.len() == 1,
        "--svg draws one workload and one start-up time: name it with --workload or --file"
    );
    for startup in &args.startup_seconds {
        let options = Options {
            startup: 1_000 * startup,
            seeds: args.first_seed..args.first_seed + args.seeds,
            maximum: args.maximum.into(),
            threads: args.threads.into(),
            memory: args.memory_gib << 30,
            groups: args.groups.iter().map(|r| r.0.clone()).collect(),
            policy: policy.clone(),
        };
        let cases: Result<Vec<_>, _> = sources.iter().map(|s| compare::case(*s, &options)).collect();
        let cases = cases?;
        println!("{}{}", table::cases(&cases), table::summary(*startup, &table::ratios(&cases)));
        if let (Some(path), [case]) = (&args.svg, cases.as_slice()) {
            let first = case.contenders.iter().filter_map(|(name, o)| Some((*name, &o.first()?.timeline)));
            let title = format!("{}, start-up {startup} s, seed {}", case.workload, args.first_seed);
            let drawing = timeline::svg(&title, &first.collect::<Vec<_>>());
            fs::write(path, drawing).with_context(|| format!("--svg {}", path.display()))?;
        }
    }
    Ok(())
}

fn sources<'a>(args: &'a SimulateArgs, own: Option<&'a Workload>) -> Vec<Source<'a>> {
    match own {
        Some(workload) => vec![Source::Own(workload)],
        None if args.workloads.is_empty() => COMPARED.map(Source::Builtin).to_vec(),
        None => args.workloads.iter().map(|name| Source::Builtin(name)).collect(),
    }
}

fn read(path: &PathBuf) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn shown(path: Option<&PathBuf>) -> String {
    path.map_or_else(|| "(the default)".into(), |p| p.display().to_string())
}

#[cfg(test)]
mod tests {
    use dask_operator_simulate::workload::builtin;

    use super::*;

    #[test]
    fn the_workloads_that_are_compared_are_there() {
        assert!(COMPARED.iter().all(|name| builtin::names().any(|n| n == *name)));
    }

    #[test]
    fn groups_are_read() {
        let pair = |name: &str, amount| (name.to_string(), amount);
        assert_eq!(resources("GPU=1,MEMORY=2.5").unwrap().0, [pair("GPU", 1.0), pair("MEMORY", 2.5)]);
        assert!(["GPU", "=1", "GPU=0", "GPU=x", ""].iter().all(|bad| resources(bad).is_err()));
    }
}
