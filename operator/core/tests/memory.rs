//! How much memory a decision takes: the biggest spec must not make the operator grow with the number of pods.
#![cfg(target_os = "linux")]

use std::sync::Arc;

use dask_crds::DaskWorkerGroupStatus;
use dask_operator_core::{
    model::{
        object::{Cluster, Group, Meta, Object},
        scheduler::SchedulerState,
        time::Timestamp,
    },
    plan::action::{Action, Decision},
    resources::agent_plan,
    validation::dry_run::{Verdict, Verdicts},
    worker_group::{self, PlannerState},
};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Most memory that this process has used so far, in KiB.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// A pod template of 450 KB: as values it takes twenty times as much.
fn big() -> Value {
    let env: Vec<Value> =
        (0..10_000).map(|n| json!({"name": format!("VARIABLE_{n:05}"), "value": "0123456789"})).collect();
    json!({"containers": [{"name": "worker", "image": "dask", "args": ["dask", "worker"], "env": env}]})
}

fn meta(name: &str) -> Meta {
    Meta { namespace: "ns".into(), name: name.into(), uid: format!("{name}-uid").into(), ..Meta::default() }
}

fn objects() -> serde_json::Result<(Cluster, Group)> {
    let small = json!({"containers": [{"name": "c", "image": "dask"}]});
    let spec = json!({
        "worker": {"spec": small}, "scheduler": {"spec": small, "service": {"ports": [{"port": 8786}]}},
    });
    let cluster = Object {
        meta: meta("c"),
        spec: serde_json::from_value(spec)?,
        status: dask_crds::DaskClusterStatus::default(),
    };
    let spec = json!({"cluster": "c", "worker": {"replicas": 64, "spec": big()}});
    let mut group = Object {
        meta: meta("c-default"),
        spec: serde_json::from_value(spec)?,
        status: DaskWorkerGroupStatus::default(),
    };
    group.status.reserved_pod_numbers = Some(1024);
    Ok((cluster, group))
}

/// Decides once; each template that is to be checked is found valid.
fn decide(
    cluster: &Cluster,
    group: &Group,
    memory: &mut PlannerState,
    verdicts: &mut Verdicts,
) -> Decision<DaskWorkerGroupStatus> {
    let agent = agent_plan::Settings { image: Some("agent:1".into()), ..agent_plan::Settings::default() };
    let input = worker_group::Input {
        group,
        cluster: Some(cluster),
        pods: &[],
        cluster_pods: &[],
        strays: &[],
        chosen_elsewhere: &Default::default(),
        results_moved: None,
        scheduler: &SchedulerState::Unknown,
        agents: None,
        has_scheduler_pod: true,
        verdicts,
        autoscaled: false,
        threats: &Default::default(),
        now: NOW,
        domain: "cluster.local",
        agent: &agent,
    };
    let decision = worker_group::decide(&input, memory);
    for action in &decision.actions {
        if let Action::DryRun(checks) = action {
            let valid = Verdict::Valid { unknown: Vec::new() };
            checks.iter().for_each(|c| verdicts.insert(&c.key, valid.clone(), NOW));
        }
    }
    decision
}

#[test]
fn sixty_four_big_pods_take_no_more_than_one() {
    let (cluster, group) = objects().unwrap();
    let mut memory = PlannerState::default();
    memory.reserved(0..1024);
    // Slow start is over.
    for _ in 0..6 {
        memory.created(&[], "", Timestamp(0));
    }
    let mut verdicts = Verdicts::default();
    let before = peak().unwrap();
    decide(&cluster, &group, &mut memory, &mut verdicts);
    let decision = decide(&cluster, &group, &mut memory, &mut verdicts);
    let pods =
        decision.actions.iter().find_map(|a| if let Action::CreatePods(p) = a { Some(p) } else { None });
    let pods = pods.expect("pods are made");
    assert_eq!(pods.len(), 64);
    for pod in pods {
        assert!(Arc::ptr_eq(&pod.body, &pods[0].body));
        let body = pod.body.named(&pod.name);
        assert!(body.len() > 450_000 && body.len() == pod.body.size(&pod.name));
    }
    let grown = peak().unwrap() - before;
    assert!(grown < 40 * 1024, "{grown} KiB for 64 pods; one as values takes 10 MiB");
}
