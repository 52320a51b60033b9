use serde_json::json;

use super::*;
use crate::group::testing;

fn cluster_and_group() -> (Cluster, Group) {
    let cluster = testing::cluster("c");
    let group = testing::group("c-default", 1);
    (cluster, group)
}

fn pod(edit: impl FnOnce(&mut Cluster, &mut Group)) -> Value {
    let (mut cluster, mut group) = cluster_and_group();
    edit(&mut cluster, &mut group);
    worker_pod(&group, &cluster, 7, "cluster.local", &Settings::default()).body
}

#[test]
fn our_variables_come_after_the_users_and_never_replace_them() {
    let pod = pod(|_, g| {
        g.spec.worker.spec.0["containers"] = json!([
            {"name": "worker", "env": [{"name": "WORKER_ENV", "value": "x"},
                                       {"name": "DASK_SCHEDULER_ADDRESS", "value": "mine"}]},
            {"name": "sidecar", "env": null},
        ]);
    });
    let env = &pod["spec"]["containers"][0]["env"];
    assert_eq!(env[0]["name"], "WORKER_ENV");
    assert_eq!(env[1]["value"], "mine");
    assert_eq!(env[2], json!({"name": "DASK_WORKER_NAME", "value": pod["metadata"]["name"]}));
    assert_eq!(env.as_array().unwrap().len(), 3);
    let sidecar = &pod["spec"]["containers"][1]["env"];
    assert_eq!(sidecar[1]["value"], "tcp://c-scheduler.ns.svc.cluster.local:8786");
}

#[test]
fn a_worker_restarts_on_failure_alone() {
    for (policy, want) in
        [(json!("Always"), "OnFailure"), (Value::Null, "OnFailure"), (json!("Never"), "Never")]
    {
        let pod = pod(|_, g| {
            g.spec.worker.spec.0.insert("restartPolicy".into(), policy);
        });
        assert_eq!(pod["spec"]["restartPolicy"], want);
    }
}

#[test]
fn fields_we_do_not_know_survive() {
    let pod = pod(|_, g| {
        g.spec.worker.spec.0.insert("fieldOfTheFuture".into(), json!({"a": [1]}));
    });
    assert_eq!(pod["spec"]["fieldOfTheFuture"], json!({"a": [1]}));
}

#[test]
fn reserved_labels_win_and_cluster_labels_fill_gaps() {
    let pod = pod(|c, g| {
        c.meta.labels = BTreeMap::from([("team".into(), "cluster".into()), ("x".into(), "cluster".into())]);
        g.meta.labels = BTreeMap::from([("x".into(), "group".into())]);
        g.spec.worker.metadata =
            serde_json::from_value(json!({"labels": {"dask.org/component": "mine"}})).unwrap();
    });
    let labels = &pod["metadata"]["labels"];
    assert_eq!(labels["team"], "cluster");
    assert_eq!(labels["x"], "group");
    assert_eq!(labels["dask.org/component"], "worker");
    assert_eq!(labels["dask.org/workergroup-name"], "c-default");
    assert_eq!(labels["sidecar.istio.io/inject"], "false");
}

#[test]
fn the_schedulers_selector_is_minimal_and_it_never_surges() {
    let (mut cluster, _) = cluster_and_group();
    cluster.meta.labels.insert("team".into(), "a".into());
    let d = scheduler_deployment(&cluster);
    assert_eq!(d["spec"]["selector"]["matchLabels"], json!(scheduler_labels("c")));
    assert_eq!(d["spec"]["template"]["metadata"]["labels"]["team"], "a");
    assert_eq!(d["spec"]["strategy"]["type"], "Recreate");
    assert!(d["spec"]["template"]["metadata"]["annotations"].get(names::TEMPLATE_HASH).is_none());
    let s = scheduler_service(&cluster);
    assert!(s["metadata"]["labels"].get(names::ISTIO).is_none());
}

#[test]
fn nothing_we_inject_is_part_of_the_hash() {
    let (_, group) = cluster_and_group();
    let w = &group.spec.worker;
    let a = hash(&w.spec, None);
    let mut with_null = w.spec.clone();
    with_null.0.insert("nodeName".into(), Value::Null);
    assert_eq!(
        a,
        hash(&with_null, Some(&TemplateMetadata::default())).clone(),
        "nulls and empties say nothing"
    );
    let mut changed = w.spec.clone();
    changed.0.insert("nodeName".into(), json!("n1"));
    assert_ne!(a, hash(&changed, None));
}

#[test]
fn ports_are_found_by_name() {
    let (mut cluster, _) = cluster_and_group();
    cluster.spec.scheduler.service.0 =
        serde_json::from_value(json!({"ports": [{"name": "tcp-comm", "port": 9000}]})).unwrap();
    assert_eq!(service_port(&cluster.spec.scheduler, "tcp-comm", COMM_PORT), 9000);
    assert_eq!(service_port(&cluster.spec.scheduler, "http-dashboard", DASHBOARD_PORT), 8787);
}

#[test]
fn no_token_that_nobody_asked_for() {
    let token = |key: &str, value: Value| {
        let pod = pod(|_, g| drop(g.spec.worker.spec.0.insert(key.into(), value)));
        pod["spec"]["automountServiceAccountToken"].clone()
    };
    assert_eq!(token("nodeName", json!("n")), json!(false));
    assert_eq!(token("serviceAccountName", json!("")), json!(false));
    assert_eq!(token("serviceAccountName", json!("mine")), Value::Null, "Kubernetes' default");
    assert_eq!(token("automountServiceAccountToken", json!(true)), json!(true));
    let scheduler = scheduler_deployment(&testing::cluster("c"));
    assert_eq!(scheduler["spec"]["template"]["spec"]["automountServiceAccountToken"], json!(false));
}

#[test]
fn a_lost_node_is_left_soon_unless_the_author_says_otherwise() {
    let tolerations = |own: Value| {
        let pod = pod(|_, g| drop(g.spec.worker.spec.0.insert("tolerations".into(), own)));
        pod["spec"]["tolerations"].as_array().unwrap().clone()
    };
    let ours = tolerations(json!([{"key": "gpu", "operator": "Exists"}]));
    assert_eq!(ours.len(), 3);
    assert!(ours[1..].iter().all(|t| t["tolerationSeconds"] == 30 && t["effect"] == "NoExecute"));
    let longer =
        json!([{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "tolerationSeconds": 900}]);
    assert_eq!(tolerations(longer).len(), 2, "one of the two is said");
    assert_eq!(tolerations(json!([{"operator": "Exists"}])).len(), 1, "all of it is said");
}

#[test]
fn the_hash_of_a_template_is_the_one_of_older_operators() {
    // An upgrade that hashes otherwise would call all pods outdated.
    let spec: PodSpecJson = serde_json::from_value(json!({
        "tolerations": null, "containers": [{"name": "worker", "image": "dask", "command": null}],
    }))
    .unwrap();
    let metadata = serde_json::from_value(json!({"labels": {"team": "ocean", "none": null}})).unwrap();
    assert_eq!(hash(&spec, Some(&metadata)), "42806ffd3b");
}
