//! The state table of a job: for each status, each state of its cluster and each state of its runner, what
//! happens. A combination that no row covers, or that two rows cover, fails the test.

use std::{collections::BTreeSet, time::Duration};

use dask_crds::JobStatus::{self, ClusterCreated, Failed, JobCreated, Running, Successful};

use crate::{
    job::testing::Scene,
    model::{owner::Owner, pod::PodPhase, trouble::Trouble},
    plan::{action::Action, kind::Kind},
    worker_group::testing::T0,
};

const CLUSTERS: [&str; 5] = ["none", "ours", "error", "going", "taken"];
const RUNNERS: [&str; 13] = [
    "none",
    "pending",
    "overdue",
    "running",
    "exit0+sidecar",
    "succeeded",
    "exit1",
    "failed",
    "evicted",
    "going",
    "lost",
    "taken",
    "former",
];

/// Status, clusters, runners (`*`: any; `!x,y`: any but these), and what happens: `=X` the status becomes X;
/// `X!` that outcome is written down; `+c`, `+r` cluster, runner made; `-c` cluster deleted; `.` nothing.
/// The first row that fits counts; a row that never counts fails the test.
const TABLE: &[(&str, &str, &str, &str)] = &[
    // Seen: nothing is made before the status says so.
    ("None", "*", "*", "=JobCreated"),
    // Both are there: whatever state they are in, the next status comes first.
    ("JobCreated", "ours,error,going", "!none,taken,former", "=ClusterCreated"),
    // One is missing and the other is ours, or both are: make what is missing.
    ("JobCreated", "none", "none", "+c"),
    ("JobCreated", "ours", "none", "+r"),
    ("JobCreated", "none", "pending,running,going", "+c"),
    // A runner that is over already: an operator died between its creation and the next status.
    ("JobCreated", "none,taken", "exit0+sidecar,succeeded", "Successful!"),
    ("JobCreated", "none,taken", "exit1", "Error!"),
    ("JobCreated", "none,taken", "failed", "PodFailed!"),
    ("JobCreated", "none,taken", "evicted", "Evicted!"),
    ("JobCreated", "none,taken", "overdue", "NeverStarted!"),
    ("JobCreated", "none,taken", "lost", "NodeLost!"),
    // The cluster cannot be used.
    ("JobCreated", "error", "none,taken,former", "ClusterInError!"),
    ("JobCreated", "going", "none,taken,former", "ClusterDeleted!"),
    // A name is taken: wait until it is free (and no longer than the start may take).
    ("JobCreated", "taken", "none,pending,running,going,taken,former", "."),
    ("JobCreated", "none,ours", "taken,former", "."),
    // The program has started: that is told first.
    ("ClusterCreated", "*", "running,exit0+sidecar,succeeded,exit1,failed,evicted,going,lost", "=Running"),
    // It has not.
    ("ClusterCreated", "*", "none,taken,former", "RunnerDeleted!"),
    ("ClusterCreated", "ours", "pending", "."),
    ("ClusterCreated", "ours", "overdue", "NeverStarted!"),
    ("ClusterCreated", "error", "pending,overdue", "ClusterInError!"),
    ("ClusterCreated", "none,going,taken", "pending,overdue", "ClusterDeleted!"),
    // The program runs, or is over; what the pod says counts before what became of the cluster.
    ("Running", "*", "none,taken,former", "RunnerDeleted!"),
    ("Running", "*", "exit0+sidecar,succeeded", "Successful!"),
    ("Running", "*", "exit1", "Error!"),
    ("Running", "*", "failed", "PodFailed!"),
    ("Running", "*", "evicted", "Evicted!"),
    ("Running", "*", "lost", "NodeLost!"),
    ("Running", "ours", "pending,overdue,running,going", "."),
    ("Running", "error", "pending,overdue,running,going", "ClusterInError!"),
    ("Running", "none,going,taken", "pending,overdue,running,going", "ClusterDeleted!"),
    // It is over: no cluster is left.
    ("Successful", "ours,error", "*", "-c"),
    ("Successful", "none,going,taken", "*", "."),
    ("Failed", "ours,error", "*", "-c"),
    ("Failed", "none,going,taken", "*", "."),
];

fn fits(pattern: &str, value: &str) -> bool {
    match pattern.strip_prefix('!') {
        Some(others) => !others.split(',').any(|p| p == value),
        None => pattern == "*" || pattern.split(',').any(|p| p == value),
    }
}

fn scene(status: Option<JobStatus>, cluster: &str, runner: &str) -> Scene {
    let mut scene = Scene::at(status.unwrap_or(JobCreated));
    scene.job.status.job_status = status;
    scene.with_cluster();
    scene.with_runner(PodPhase::Running);
    let another = Owner::controller("Application", "x", "other");
    match cluster {
        "none" => scene.cluster = None,
        "error" => scene.cluster.as_mut().unwrap().status.phase = Some(dask_crds::Phase::Error),
        "going" => scene.cluster.as_mut().unwrap().meta.deleting = true,
        "taken" => scene.cluster.as_mut().unwrap().meta.owners = vec![Owner::controller("Other", "o", "o")],
        _ => {}
    }
    let owners = |s: &mut Scene, owner: Owner| s.pod().runner.as_mut().unwrap().owners = vec![owner];
    match runner {
        "none" => scene.runner = None,
        "pending" => scene.with_runner(PodPhase::Pending),
        "overdue" => {
            scene.with_runner(PodPhase::Pending);
            scene.now = T0.plus(crate::job::START_TIMEOUT);
        }
        "exit0+sidecar" => scene.main_ends(0),
        "succeeded" => {
            scene.main_ends(0);
            scene.pod().phase = PodPhase::Succeeded;
        }
        "exit1" => {
            scene.main_ends(1);
            scene.pod().phase = PodPhase::Failed;
        }
        "failed" => scene.pod().phase = PodPhase::Failed,
        "evicted" => {
            scene.main_ends(137);
            let pod = scene.pod();
            (pod.phase, pod.disrupted) = (PodPhase::Failed, true);
            pod.trouble = Some(Trouble { reason: "Evicted".into(), message: "low on memory".into() });
        }
        "going" | "lost" => {
            let gone_by = if runner == "lost" { T0 } else { scene.now.plus(Duration::from_secs(30)) };
            scene.pod().deleting = true;
            scene.pod().runner.as_mut().unwrap().gone_by = Some(gone_by);
        }
        "taken" => owners(&mut scene, another),
        "former" => owners(&mut scene, Owner::controller("DaskJob", "j", "former")),
        _ => {}
    }
    scene
}

/// What one decision comes to, in the words of the table.
fn what_happens(mut scene: Scene) -> String {
    let before = scene.job.status.job_status;
    let decision = scene.turn();
    if decision.status.job_status != before {
        return format!("={:?}", decision.status.job_status.unwrap());
    }
    if let Some(outcome) = crate::job::Outcome::of(&scene.job) {
        let reason = if outcome.succeeded { "Successful".into() } else { outcome.reason };
        return format!("{reason}!");
    }
    let words = decision.actions.iter().filter_map(|a| match a {
        Action::Create { kind: Kind::Cluster, .. } => Some("+c"),
        Action::Create { kind: Kind::Pod, .. } => Some("+r"),
        Action::Delete { kind: Kind::Cluster, .. } => Some("-c"),
        _ => None,
    });
    let words: String = words.collect();
    if words.is_empty() { ".".into() } else { words }
}

#[test]
fn every_state_has_its_row() {
    let statuses =
        [None, Some(JobCreated), Some(ClusterCreated), Some(Running), Some(Successful), Some(Failed)];
    let (mut used, mut wrong) = (BTreeSet::new(), Vec::new());
    for status in statuses {
        let name = status.map_or("None".to_string(), |s| format!("{s:?}"));
        for cluster in CLUSTERS {
            for runner in RUNNERS {
                let row =
                    TABLE.iter().position(|(s, c, r, _)| *s == name && fits(c, cluster) && fits(r, runner));
                let happens = what_happens(scene(status, cluster, runner));
                match row {
                    Some(i) if TABLE[i].3 == happens => drop(used.insert(i)),
                    Some(i) => {
                        wrong.push(format!("{name} {cluster} {runner}: {happens}, row: {:?}", TABLE[i]))
                    }
                    None => wrong.push(format!("{name} {cluster} {runner}: {happens}, no row")),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unused: Vec<_> = (0..TABLE.len()).filter(|i| !used.contains(i)).map(|i| TABLE[i]).collect();
    assert!(unused.is_empty(), "rows that nothing needs: {unused:?}");
}
