use serde_json::json;

use super::*;
use crate::worker_group::testing;

fn cluster_and_group() -> (Cluster, Group) {
    let cluster = testing::cluster("c");
    let group = testing::group("c-default", 1);
    (cluster, group)
}

fn pod(edit: impl FnOnce(&mut Cluster, &mut Group)) -> Value {
    let (mut cluster, mut group) = cluster_and_group();
    edit(&mut cluster, &mut group);
    worker_pod(&group, &cluster, 7, Site { domain: "cluster.local", agent: &Settings::default() }).body
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
fn the_schedulers_address_has_the_port_of_its_service() {
    let pod = pod(|c, _| c.spec.scheduler.service.0["ports"][0]["port"] = json!(9000));
    let address = &pod["spec"]["containers"][0]["env"][1];
    assert_eq!(address["value"], "tcp://c-scheduler.ns.svc.cluster.local:9000");
}

#[test]
fn istio_stays_out_unless_the_author_wants_it() {
    let labels = |metadata: Value| {
        let pod = pod(|_, g| g.spec.worker.metadata = serde_json::from_value(metadata).unwrap());
        pod["metadata"]["labels"].get("sidecar.istio.io/inject").cloned()
    };
    assert_eq!(labels(Value::Null), Some(json!("false")));
    assert_eq!(labels(json!({"labels": {"sidecar.istio.io/inject": "true"}})), Some(json!("true")));
    assert_eq!(labels(json!({"annotations": {"sidecar.istio.io/inject": "true"}})), None);
    let mut cluster = testing::cluster("c");
    cluster.spec.scheduler.metadata =
        serde_json::from_value(json!({"labels": {"sidecar.istio.io/inject": "true"}})).unwrap();
    let scheduler = scheduler_deployment(&cluster);
    for of in [&scheduler["metadata"], &scheduler["spec"]["template"]["metadata"]] {
        assert_eq!(of["labels"]["sidecar.istio.io/inject"], "true");
    }
}

#[test]
fn no_pod_is_born_with_a_mark_of_ours() {
    let own = json!({
        "labels": {"kubernetes.dask.org/x": "1"},
        "annotations": {
            "kubernetes.dask.org/retiring": "x", "kubernetes.dask.org/template-hash": "x",
            "kubernetes.dask.org/agent-hash": "x", "kubernetes.dask.org/new": "x", "team": "a",
        },
    });
    let (mut cluster, mut group) = cluster_and_group();
    let metadata = |own: &Value| serde_json::from_value(own.clone()).unwrap();
    (cluster.spec.worker.metadata, cluster.spec.scheduler.metadata) = (metadata(&own), metadata(&own));
    (group.spec.worker.metadata, group.meta.annotations) =
        (metadata(&own), [("kubernetes.dask.org/retiring".into(), "x".into())].into());
    let deployment = scheduler_deployment(&cluster);
    let worker =
        worker_pod(&group, &cluster, 7, Site { domain: "cluster.local", agent: &Settings::default() }).body;
    let hash = hash(&group.spec.worker.spec, group.spec.worker.metadata.as_ref());
    let scheduler = scheduler_hash(&cluster);
    for (of, ours) in [
        (&worker, vec![("kubernetes.dask.org/template-hash", hash.as_str())]),
        (&deployment, vec![("kubernetes.dask.org/template-hash", scheduler.as_str())]),
        (&deployment["spec"]["template"], vec![]),
        (&scheduler_service(&cluster), vec![]),
        (&default_group(&cluster), vec![("kubernetes.dask.org/copied-replicas", "1")]),
    ] {
        let all = ["labels", "annotations"].map(|key| of["metadata"][key].as_object().unwrap().clone());
        let found: Vec<(&str, &str)> = all
            .iter()
            .flatten()
            .filter(|(key, _)| key.starts_with("kubernetes.dask.org/"))
            .map(|(key, value)| (key.as_str(), value.as_str().unwrap()))
            .collect();
        assert_eq!(found, ours, "{}", of["metadata"]);
        assert_eq!(of["metadata"]["annotations"]["team"], "a");
    }
}

#[test]
fn keys_that_are_left_out_stay_in_the_hash() {
    // An upgrade that hashes otherwise would call the pods outdated that were made with them.
    let (_, group) = cluster_and_group();
    let metadata = serde_json::from_value(json!({"annotations": {"kubernetes.dask.org/x": "1"}})).unwrap();
    let spec = &group.spec.worker.spec;
    assert_ne!(hash(spec, Some(&metadata)), hash(spec, None));
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
fn no_token_that_was_not_asked_for() {
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
fn a_worker_leaves_a_lost_node_soon_unless_its_author_says_otherwise() {
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
    let scheduler = scheduler_deployment(&testing::cluster("c"));
    assert_eq!(scheduler["spec"]["template"]["spec"].get("tolerations"), None, "Kubernetes' 300 s");
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
