//! Pods as API servers send them, and what is kept of them.

mod side_cars;

use dask_operator_core::model::pod::PodRecord;
use serde_json::{Value, json};

use super::*;

fn record(edit: impl FnOnce(&mut Value)) -> PodRecord {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "g-worker-1", "namespace": "ns", "uid": "u", "resourceVersion": "7",
            "creationTimestamp": "2026-11-22T10:00:00Z",
            "labels": {"dask.org/cluster-name": "c", "dask.org/component": "worker", "dask.org/workergroup-name": "g"},
            "annotations": {"kubernetes.dask.org/template-hash": "h"},
            "ownerReferences": [{"apiVersion": "x/v1", "kind": "DaskWorkerGroup", "name": "g", "uid": "gu", "controller": true}],
        },
        "spec": {"nodeName": "n", "containers": [{"name": "worker", "image": "i",
            "ports": [{"name": "http-dashboard", "containerPort": 8788}]}], "fieldOfTheFuture": {"a": 1}},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": [
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-22T10:00:05Z"},
            {"type": "PodScheduled", "status": "True"}],
            "containerStatuses": [{"name": "worker", "state": {"running": {}}}]},
    });
    edit(&mut pod);
    super::pod(serde_json::from_value(pod).unwrap()).unwrap().1
}

fn waiting(reason: &str, message: &str) -> PodRecord {
    record(|p| {
        p["status"]["phase"] = json!("Pending");
        p["status"]["conditions"] = json!([]);
        p["status"]["containerStatuses"] = json!([{"name": "worker",
            "state": {"waiting": {"reason": reason, "message": message}},
            "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]);
    })
}

#[test]
fn of_a_node_what_says_that_it_goes_is_kept() {
    let raw = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "uid": "u"},
        "spec": {"podCIDR": "10.0.0.0/24", "taints": [
            {"key": "karpenter.sh/disrupted", "effect": "NoSchedule", "timeAdded": null},
            {"key": "example.com/gpu", "value": "yes", "effect": "NoSchedule"},
        ]},
        "status": {"images": [{"names": ["a"], "sizeBytes": 1}]},
    }));
    let (key, record) = node(raw.unwrap()).unwrap();
    assert_eq!((key.namespace.as_str(), key.name.as_str(), record.uid.as_str()), ("", "n", "u"));
    let keys: Vec<_> = record.leaving.iter().map(|t| t.key.as_str()).collect();
    assert_eq!(keys, ["karpenter.sh/disrupted"]);
}

#[test]
fn of_tolerations_those_are_kept_that_can_matter() {
    let mut raw = json!({"metadata": {"namespace": "ns", "name": "p"}, "spec": {"containers": []}});
    raw["spec"]["nodeName"] = json!("n");
    raw["spec"]["tolerations"] = json!([
        {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"},
        {"key": "a", "operator": "Exists", "tolerationSeconds": 30},
        {"key": "b", "operator": "Exists"},
        {"key": "c", "value": "v", "effect": "NoExecute"},
        {"operator": "Exists"},
    ]);
    let (_, record) = pod(serde_json::from_value(raw).unwrap()).unwrap();
    assert_eq!(record.node.as_deref(), Some("n"));
    let kept: Vec<_> = record.tolerations.iter().map(|t| (t.key.as_deref(), t.value.as_deref())).collect();
    assert_eq!(kept, [(Some("a"), None), (Some("b"), None), (Some("c"), Some("v")), (None, None)]);
}

#[test]
fn a_running_worker() {
    let pod = record(|_| {});
    assert!(pod.is_ready() && pod.scheduled && !pod.gated && !pod.is_scheduler);
    assert_eq!((pod.owner_uid.as_deref(), pod.group.as_deref()), (Some("gu"), Some("g")));
    assert_eq!(pod.template_hash.as_deref(), Some("h"));
    assert_eq!(pod.trouble, None);
    assert_eq!(pod.ready_since.unwrap().since(pod.created).as_secs(), 5);
}

#[test]
fn a_scheduler_tells_its_port() {
    let pod = record(|p| {
        p["metadata"]["labels"]["dask.org/component"] = json!("scheduler");
        p["spec"]["containers"][0]["ports"] = json!([{"name": "tcp-comm", "containerPort": 9000}]);
    });
    assert!(pod.is_scheduler);
    assert_eq!(pod.comm_port, Some(9000));
}

#[test]
fn what_an_agent_said_at_its_end_is_kept_and_nothing_else_that_a_container_says() {
    let said = |message: Value| {
        let pod = record(|p| {
            let end = json!({"exitCode": 75, "message": message});
            p["status"]["containerStatuses"] = json!([{"name": "worker", "state": {"terminated": end}}]);
        });
        pod.agent.last_words
    };
    assert_eq!(said(json!("dask-agent: Busy: late\n")).as_deref(), Some("Busy: late"));
    assert_eq!(said(json!("Traceback")), None);
    assert_eq!(said(Value::Null), None);
    let long = said(json!(format!("dask-agent: {}", "x".repeat(4000)))).unwrap();
    assert!(long.chars().count() <= TEXT, "{}", long.len());
}

#[test]
fn restarts_and_kills_for_want_of_memory_are_counted() {
    let killed = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
    let pod = record(|p| {
        p["status"]["containerStatuses"] = json!([
            {"name": "worker", "state": {"running": {}}, "lastState": killed, "restartCount": 3},
            {"name": "sidecar", "state": {"running": {}}, "restartCount": 1},
            {"name": "new", "state": {"waiting": {"reason": "x"}}},
        ]);
    });
    assert_eq!((pod.restarts.restarts, pod.restarts.oom_kills), (4, 1));
}

#[test]
fn trouble_is_told_in_kubernetes_words() {
    let trouble = waiting("CrashLoopBackOff", "back-off 10s").trouble.unwrap();
    assert_eq!(trouble.reason, "CrashLoopBackOff");
    assert_eq!(trouble.message, "back-off 10s (last ended with exit code 137 (OOMKilled))");
    assert_eq!(waiting("ContainerCreating", "").trouble, None);
    let unscheduled = record(|p| {
        p["status"]["conditions"] = json!([{"type": "PodScheduled", "status": "False",
            "reason": "Unschedulable", "message": "0/2 nodes"}]);
    });
    assert_eq!(unscheduled.trouble.unwrap().message, "0/2 nodes");
}

#[test]
fn an_agent_in_trouble_is_told_with_its_hash() {
    let pod = |annotated: bool, name: &str, state: Value| {
        record(|p| {
            if annotated {
                p["metadata"]["annotations"]["kubernetes.dask.org/agent-hash"] = json!("h");
            }
            let statuses = json!([{"name": name, "state": state}]);
            p["status"] = json!({"phase": "Pending", "initContainerStatuses": statuses,
                "containerStatuses": [{"name": "worker", "state": {"waiting": {"reason": "PodInitializing"}}}]});
        })
    };
    let waiting = |reason: &str| json!({"waiting": {"reason": reason}});
    let ended = |code: i64| json!({"terminated": {"exitCode": code}});
    let ill = pod(true, "dask-agent", waiting("ImagePullBackOff"));
    assert_eq!(
        (ill.trouble.unwrap().reason.as_str(), ill.agent.is_in_trouble, ill.agent.hash.as_deref()),
        ("ImagePullBackOff", true, Some("h"))
    );
    assert!(pod(true, "dask-agent", ended(1)).agent.is_in_trouble);
    for well in [
        pod(true, "dask-agent", ended(0)),
        pod(true, "dask-agent", waiting("PodInitializing")),
        pod(true, "other", waiting("ImagePullBackOff")),
        pod(false, "dask-agent", waiting("ImagePullBackOff")),
    ] {
        assert!(!well.agent.is_in_trouble);
    }
}

#[test]
fn a_gated_pod_waits_and_is_not_ill() {
    let pod = record(|p| {
        p["status"] = json!({"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]});
    });
    assert!(pod.gated && pod.is_live());
    assert_eq!(pod.trouble, None);
}

#[test]
fn disruption_is_not_failure() {
    let evicted =
        record(|p| p["status"] = json!({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}));
    assert!(evicted.disrupted && evicted.is_finished());
    let preempted = record(|p| {
        p["status"] =
            json!({"phase": "Failed", "conditions": [{"type": "DisruptionTarget", "status": "True"}]});
    });
    assert!(preempted.disrupted);
    let failed = record(|p| {
        p["status"] = json!({"phase": "Failed", "containerStatuses": [{"state": {"terminated":
            {"exitCode": 3, "finishedAt": "2026-11-22T10:00:09Z"}}}]});
    });
    assert!(!failed.disrupted);
    assert_eq!(failed.finished.unwrap().since(failed.created).as_secs(), 9);
    assert_eq!(failed.trouble.unwrap().message, "last ended with exit code 3");
}

#[test]
fn a_pod_that_is_evicted_for_its_own_limits_failed_by_itself() {
    let evicted = |message: &str| {
        record(|p| p["status"] = json!({"phase": "Failed", "reason": "Evicted", "message": message}))
    };
    for own in [
        "Pod ephemeral local storage usage exceeds the total limit of containers 100Mi. ",
        "Container worker exceeded its local ephemeral storage limit \"100Mi\". ",
        "Usage of EmptyDir volume \"spill\" exceeds the limit \"1Gi\". ",
    ] {
        let pod = evicted(own);
        assert!(!pod.disrupted && pod.is_finished(), "{own}");
        let trouble = pod.trouble.unwrap();
        assert_eq!((trouble.reason.as_str(), trouble.message.as_str()), ("OwnLimitExceeded", own.trim()));
    }
    for of_node in [
        "The node was low on resource: ephemeral-storage. Threshold quantity: 1Gi, available: 2Mi. Container worker was \
         using 1Gi, request is 0, has larger consumption of ephemeral-storage. ",
        "The node was low on resource: memory. Container worker was using 2Gi, which exceeds its request of 0. ",
        "The node had condition: [DiskPressure]. ",
    ] {
        assert!(evicted(of_node).disrupted, "{of_node}");
    }
}

#[test]
fn of_a_failed_pod_the_container_that_failed_is_told_and_what_it_said() {
    let pod = record(|p| {
        let done = json!({"terminated": {"exitCode": 0, "reason": "Completed"}});
        let log = format!("{}ValueError: no", "x".repeat(500));
        let failed = json!({"terminated": {"exitCode": 2, "reason": "Error", "message": log}});
        p["status"] = json!({"phase": "Failed",
            "initContainerStatuses": [{"name": "dask-agent", "state": done}],
            "containerStatuses": [{"name": "side-car", "state": done}, {"name": "worker", "state": failed}]});
    });
    let text = pod.trouble.unwrap().message;
    assert!(
        text.starts_with("last ended with exit code 2 (Error): x") && text.ends_with("ValueError: no"),
        "{text}"
    );
}

#[test]
fn a_mark_that_cannot_be_read_is_still_one() {
    let pod = record(|p| p["metadata"]["annotations"]["kubernetes.dask.org/retiring"] = json!("?"));
    assert!(pod.mark.is_some());
}

#[test]
fn kubectls_copy_of_an_object_is_not_kept() {
    let meta: ObjectMeta = serde_json::from_value(json!({"name": "c", "namespace": "ns", "annotations":
        {"kubectl.kubernetes.io/last-applied-configuration": "{}", "team": "a"}}))
    .unwrap();
    let (_, object) = ours(meta, (), ()).unwrap();
    assert_eq!(object.meta.annotations.len(), 1);
}

#[test]
fn a_runner_says_which_container_is_its_program() {
    let runner = |annotations: Value| {
        let pod = record(|p| {
            p["metadata"]["labels"]["dask.org/component"] = json!("job-runner");
            p["metadata"]["annotations"] = annotations;
            p["spec"]["containers"] = json!([{"name": "proxy"}, {"name": "main"}]);
        });
        *pod.runner.unwrap()
    };
    let (ours, kubectls) = ("kubernetes.dask.org/main-container", "kubectl.kubernetes.io/default-container");
    assert_eq!(runner(json!({})).main, None);
    assert_eq!(runner(json!({})).names, ["proxy", "main"]);
    assert_eq!(runner(json!({ours: "main", kubectls: "proxy"})).main.as_deref(), Some("main"));
    assert_eq!(runner(json!({kubectls: "main"})).main.as_deref(), Some("main"));
    assert_eq!(runner(json!({ours: "gone"})).main, None, "the pod has no such container");
}

#[test]
fn pods_that_nothing_controls_are_found_by_their_group() {
    let mut cache = crate::store::cache::Cache::default();
    let key = ObjectKey::new("ns", "g-worker-1");
    let of = |owners: Value| record(|p| p["metadata"]["ownerReferences"] = owners);
    let owned = record(|_| {});
    assert!(owned.has_owners && owned.stray_of().is_none());
    let another = json!([{"apiVersion": "x/v1", "kind": "X", "name": "x", "uid": "xu"}]);
    assert!(of(another).has_owners);
    let stray = of(json!([]));
    assert!(!stray.has_owners);
    cache.pods.insert(key.clone(), std::sync::Arc::new(stray.clone()));
    cache.index_pod(&key, &stray, true);
    let group = ObjectKey::new("ns", "g");
    assert_eq!(cache.strays_of(&group).len(), 1);
    assert_eq!(
        <crate::store::mapping::Pods as crate::store::Cached>::subjects(&cache, &key, &stray),
        [crate::object_ref::ObjectRef::Group(group.clone())].into()
    );
    cache.index_pod(&key, &stray, false);
    assert!(cache.strays_of(&group).is_empty());
}
