//! Pods with side cars: which container is the worker's, and when such a pod is over.

use super::*;

/// A worker's pod with a side car that runs, whose worker's container, called so, ended with this code.
fn beside_a_side_car(worker: &str, policy: &str, code: i64) -> PodRecord {
    record(|p| {
        p["spec"]["restartPolicy"] = json!(policy);
        p["spec"]["containers"] = json!([{"name": "side-car"}, {"name": worker}]);
        p["status"]["conditions"] = json!([]);
        p["status"]["containerStatuses"] = json!([
            {"name": "side-car", "state": {"running": {}}},
            {"name": worker, "state": {"terminated": {"exitCode": code, "finishedAt": "2026-11-22T10:01:00Z"}}},
        ]);
    })
}

#[test]
fn a_pod_is_over_when_its_workers_container_is_and_is_not_started_again() {
    for (policy, code, phase) in [
        ("OnFailure", 0, PodPhase::Succeeded),
        ("OnFailure", 1, PodPhase::Running),
        ("Never", 0, PodPhase::Succeeded),
        ("Never", 1, PodPhase::Failed),
        ("Always", 0, PodPhase::Running),
    ] {
        let pod = beside_a_side_car("worker", policy, code);
        assert_eq!(pod.phase, phase, "{policy} {code}");
        assert_eq!(pod.is_finished(), phase != PodPhase::Running);
    }
    let pod = beside_a_side_car("worker", "OnFailure", 0);
    assert_eq!(pod.finished.unwrap().since(pod.created).as_secs(), 60);
}

#[test]
fn the_workers_container_is_the_one_called_so_or_with_the_agent_or_the_only_one() {
    assert!(!beside_a_side_car("dask", "OnFailure", 0).is_finished(), "the place in the list tells nothing");
    assert!(beside_a_side_car("dask-worker", "OnFailure", 0).is_finished());
    let with_agent = |other: &str| {
        record(|p| {
            p["spec"]["restartPolicy"] = json!("OnFailure");
            let mounts = json!([{"name": "dask-agent", "mountPath": "/.dask-agent"}]);
            p["spec"]["containers"] = json!([{"name": "dask", "volumeMounts": mounts}, {"name": other}]);
            p["status"]["containerStatuses"] = json!([
                {"name": other, "state": {"running": {}}},
                {"name": "dask", "state": {"terminated": {"exitCode": 0}}},
            ]);
        })
    };
    assert!(with_agent("logs").is_finished());
    assert!(!with_agent("worker").is_finished(), "an earlier release gave the agent to the first container");
    let own_policy = |container: Value| {
        record(|p| {
            p["spec"]["restartPolicy"] = json!("Never");
            p["spec"]["containers"] = json!([container]);
            p["status"]["containerStatuses"] =
                json!([{"name": "worker", "state": {"terminated": {"exitCode": 0}}}]);
        })
    };
    let rules = json!([{"action": "Restart", "exitCodes": {"operator": "In", "values": [0]}}]);
    assert!(!own_policy(json!({"name": "worker", "restartPolicy": "Always"})).is_finished());
    let with_rules = json!({"name": "worker", "restartPolicy": "Never", "restartPolicyRules": rules});
    assert!(!own_policy(with_rules).is_finished(), "the kubelet knows");
}

#[test]
fn a_side_car_that_cannot_start_keeps_no_pod_from_being_over() {
    let pod = record(|p| {
        p["spec"]["restartPolicy"] = json!("OnFailure");
        p["status"]["phase"] = json!("Pending");
        p["status"]["containerStatuses"] = json!([
            {"name": "worker", "state": {"terminated": {"exitCode": 0}}},
            {"name": "side-car", "state": {"waiting": {"reason": "ImagePullBackOff"}}},
        ]);
    });
    assert!(pod.is_finished());
}

#[test]
fn a_native_side_car_keeps_no_pod_from_being_over() {
    let pod = record(|p| {
        p["spec"]["restartPolicy"] = json!("OnFailure");
        p["status"]["initContainerStatuses"] = json!([{"name": "side-car", "state": {"running": {}}}]);
        p["status"]["containerStatuses"] =
            json!([{"name": "worker", "state": {"terminated": {"exitCode": 0}}}]);
    });
    assert!(pod.is_finished());
}

#[test]
fn only_a_workers_pod_ends_before_its_side_cars() {
    let of_another = record(|p| {
        p["metadata"]["labels"]["dask.org/component"] = json!("scheduler");
        p["spec"]["restartPolicy"] = json!("Never");
        p["status"]["containerStatuses"] =
            json!([{"name": "worker", "state": {"terminated": {"exitCode": 0}}}]);
    });
    assert!(!of_another.is_finished());
}
