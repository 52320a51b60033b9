//! Runs scenarios for as long as it is told, or one of them again with its whole story.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;
use dask_operator_simulation::{model_check, random, scenario::Report, scenarios, workload};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Runs the operator in simulated worlds.
#[derive(Parser)]
struct Args {
    /// Explore for so many seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Run this scenario alone, and tell its story: `seed N`, or a name.
    #[arg(long)]
    replay: Option<String>,
    /// The seed of the world in which a named scenario is replayed; the tests run most of them with 1.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Run this script of a small world, and tell its story.
    #[arg(long)]
    script: Option<String>,
    /// List the scenarios that have a name.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.list {
        let workloads = workload::all().into_iter().map(|workload| workload.scenario);
        for scenario in scenarios::all().into_iter().chain(workloads) {
            println!("{}", scenario.name);
        }
        return ExitCode::SUCCESS;
    }
    if let Some(script) = &args.script {
        return match model_check::replay(script) {
            Ok(replay) => {
                println!("{replay}");
                if replay.broken.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
            }
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    match &args.replay {
        Some(name) => replay(name, args.seed),
        None => explore(args.from, Duration::from_secs(args.seconds)),
    }
}

fn replay(name: &str, seed: u64) -> ExitCode {
    let Some(scenario) = scenarios::find(name) else {
        eprintln!("no scenario is named {name:?}; --list tells the names, and `seed N` is always one");
        return ExitCode::FAILURE;
    };
    let seed = name.strip_prefix("seed ").and_then(|s| s.parse().ok()).unwrap_or(seed);
    let report = scenario.run_with_trace(seed, true);
    print!("{}", report.trace);
    for wrong in &report.wrong {
        println!("WRONG {wrong}");
    }
    println!("{} writes, {:?}", report.writes, report.counts);
    if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn explore(from: u64, time: Duration) -> ExitCode {
    let begin = Instant::now();
    let (mut runs, mut bad) = (0_u64, 0_u64);
    while begin.elapsed() < time {
        let seed = from + runs;
        let report = random::scenario(seed).run(seed);
        runs += 1;
        if !report.is_good() {
            bad += 1;
            tell(&report);
        }
    }
    let rate = runs as f64 / begin.elapsed().as_secs_f64();
    println!(
        "{runs} scenarios of the whole operator from seed {from}, {rate:.0} a second, {bad} of them bad"
    );
    let small_is_good = search_small(from, time / 2) && explore_small(from, time / 2);
    if bad == 0 && small_is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Every way through two faults, of one beginning after the other.
fn search_small(from: u64, time: Duration) -> bool {
    let begin = Instant::now();
    let (mut runner, mut counted) = (model_check::Runner::default(), model_check::Counted::default());
    let starts = model_check::beginnings();
    let first = usize::try_from(from).unwrap_or_default() % starts.len();
    for start in starts.iter().cycle().skip(first).take(starts.len()) {
        if begin.elapsed() >= time {
            break;
        }
        match model_check::search(*start, model_check::Bounds { depth: 10, events: 2 }, &mut runner) {
            Ok(more) => counted = counted.plus(more),
            Err(failure) => {
                println!("{failure}");
                return false;
            }
        }
    }
    let rate = counted.scripts as f64 / begin.elapsed().as_secs_f64();
    println!("{} scenarios of the core, every way, {rate:.0} a second: {counted:?}", counted.scripts);
    true
}

fn explore_small(from: u64, time: Duration) -> bool {
    let begin = Instant::now();
    let (mut scenarios, mut decisions) = (0, 0);
    let failure = model_check::explore(from, || begin.elapsed() >= time, &mut |p| {
        (scenarios, decisions) = (p.scenarios, p.decisions);
    });
    let rate = scenarios as f64 / begin.elapsed().as_secs_f64();
    println!("{scenarios} scenarios of the core, at random, {rate:.0} a second, {decisions} decisions");
    if let Some(failure) = &failure {
        println!("{failure}");
    }
    failure.is_none()
}

fn tell(report: &Report) {
    println!("seed {}: {}", report.seed, report.wrong.join("; "));
    println!("  again: make replay SCENARIO='seed {}'", report.seed);
}
