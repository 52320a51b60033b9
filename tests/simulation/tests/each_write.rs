//! Every write of every workload, one run for each: the operator dies before it or after it, it is refused, it is
//! lost, its answer is lost. The end is that of the run without faults, and so are creates and deletes.

use dask_operator_simulation::{
    network::{CrashPoint, Planned},
    scenario::{Report, Scenario},
    trace::differences,
    workload::{self, Workload},
};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const SEED: u64 = 1;

/// What is different from the run without faults.
fn different(workload: &Workload, reference: &Report, faulty: &Report) -> Vec<String> {
    let mut wrong = faulty.wrong.clone();
    if faulty.state != reference.state {
        for (name, value) in &reference.state {
            let mut fields = Vec::new();
            let is = faulty.state.get(name).unwrap_or(&serde_json::Value::Null);
            differences(value, is, &mut String::new(), &mut fields);
            wrong.extend(fields.iter().map(|f| format!("{name}: {f}, and not as without faults")));
        }
        wrong.extend(
            faulty
                .state
                .keys()
                .filter(|k| !reference.state.contains_key(*k))
                .map(|k| format!("{k} is too much")),
        );
    }
    if workload.steady && faulty.counts != reference.counts {
        wrong.push(format!("{:?} and not {:?}", faulty.counts, reference.counts));
    }
    wrong
}

/// Runs all workloads with this at each of their writes.
fn at_each_write(faults: impl Fn(Scenario, u64) -> Scenario) {
    let (mut wrong, mut runs) = (Vec::new(), 0);
    for workload in workload::all() {
        let reference = workload.scenario.run(SEED);
        assert_eq!(reference.wrong, Vec::<String>::new(), "{} without faults", workload.scenario.name);
        for write in 0..reference.writes {
            let faulty = faults(workload.scenario.clone(), write).run(SEED);
            runs += 1;
            let found = different(&workload, &reference, &faulty);
            if !found.is_empty() {
                wrong.push(format!("{}, write {write}: {}", workload.scenario.name, found.join("; ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {runs} runs went wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn an_operator_dies_after_each_write() {
    at_each_write(|s, n| s.write(n, Planned::Crash(CrashPoint::After)));
}

#[test]
fn an_operator_dies_before_each_write() {
    at_each_write(|s, n| s.write(n, Planned::Crash(CrashPoint::Before)));
}

#[test]
fn an_operator_dies_after_each_write_and_the_next_one_too() {
    at_each_write(|s, n| {
        s.write(n, Planned::Crash(CrashPoint::After)).write(n + 1, Planned::Crash(CrashPoint::After))
    });
}

#[test]
fn each_answer_is_lost() {
    at_each_write(|s, n| s.write(n, Planned::Unanswered));
}

#[test]
fn each_write_conflicts() {
    at_each_write(|s, n| s.write(n, Planned::Refused(409)));
}

#[test]
fn each_write_is_lost() {
    at_each_write(|s, n| s.write(n, Planned::Lost));
}

#[test]
fn each_write_is_too_many() {
    at_each_write(|s, n| s.write(n, Planned::Refused(429)));
}

/// The operator tells these two apart nowhere.
#[test]
fn each_write_fails() {
    at_each_write(|s, n| s.write(n, Planned::Refused(if n % 2 == 0 { 500 } else { 504 })));
}
