//! What becomes of a worker's pod, field by field.

mod beside;

use dask_crds::AgentMode;

use super::*;
use crate::{
    model::object::{Cluster, Group},
    resources,
    worker_group::testing,
};

fn settings() -> Settings {
    Settings { image: Some("agent:1".into()), ..Settings::default() }
}

fn group(spec: Value) -> (Group, Cluster) {
    let mut group = testing::group("c-default", 1);
    group.spec.worker.spec = serde_json::from_value(spec).unwrap();
    (group, testing::cluster("c"))
}

fn made(spec: Value, settings: &Settings) -> Value {
    let (group, cluster) = group(spec);
    resources::worker_pod(&group, &cluster, 7, resources::Site { domain: "cluster.local", agent: settings })
        .body
}

/// The spec of a pod whose only container is this one, with what it is given.
fn with(container: Value) -> Value {
    made(json!({"containers": [container]}), &settings())["spec"].clone()
}

fn variable(container: &Value, name: &str) -> Value {
    let env = container["env"].as_array().unwrap();
    assert!(env.iter().filter(|v| v["name"] == name).count() <= 1, "{name} is set twice");
    env.iter().find(|v| v["name"] == name).map_or(Value::Null, |v| v["value"].clone())
}

#[test]
fn the_agent_comes_before_command_or_else_args() {
    let agent = ["/.dask-agent/dask-agent", "run", "--"];
    let pod = with(json!({"name": "worker", "command": ["dask", "worker"], "args": ["--nthreads", "1"]}));
    let worker = &pod["containers"][0];
    assert_eq!(worker["command"], json!([agent[0], agent[1], agent[2], "dask", "worker"]));
    assert_eq!(worker["args"], json!(["--nthreads", "1"]));
    let pod = with(json!({"name": "worker", "command": [], "args": ["dask", "worker"]}));
    assert_eq!(pod["containers"][0]["args"], json!([agent[0], agent[1], agent[2], "dask", "worker"]));
    assert_eq!(pod["containers"][0]["command"], json!([]));
}

#[test]
fn all_that_a_worker_is_given() {
    let pod = with(json!({"name": "worker", "args": ["dask", "worker"]}));
    assert_eq!(pod["terminationGracePeriodSeconds"], 120);
    assert_eq!(pod["volumes"], json!([{"name": "dask-agent", "emptyDir": {}}]));
    assert_eq!(
        pod["initContainers"],
        json!([{
            "name": "dask-agent", "image": "agent:1", "command": ["/dask-agent", "install", "/.dask-agent"],
            "volumeMounts": [{"name": "dask-agent", "mountPath": "/.dask-agent"}],
            "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": true,
            },
        }])
    );
    let worker = &pod["containers"][0];
    assert_eq!(
        worker["volumeMounts"],
        json!([{"name": "dask-agent", "mountPath": "/.dask-agent", "readOnly": true}])
    );
    assert_eq!(
        worker["readinessProbe"],
        json!({"httpGet": {"path": "/readyz", "port": 8790}, "periodSeconds": 2, "timeoutSeconds": 2})
    );
    assert!(worker.get("livenessProbe").is_none() && worker.get("startupProbe").is_none());
    assert_eq!(variable(worker, "DASK_AGENT_PORT"), "8790");
    assert_eq!(variable(worker, "DASK_AGENT_GRACE_SECONDS"), "120");
    assert_eq!(pod.get("imagePullSecrets"), None);
}

#[test]
fn what_the_author_says_stays() {
    let pod = made(
        json!({
            "terminationGracePeriodSeconds": 7,
            "volumes": [{"name": "a"}], "initContainers": [{"name": "a", "image": "a"}],
            "containers": [
                {"name": "sidecar", "args": ["x"]},
                {
                    "name": "worker", "args": ["dask", "worker"], "readinessProbe": {"exec": {"command": ["x"]}},
                    "env": [{"name": "DASK_AGENT_GRACE_SECONDS", "value": "5"}], "volumeMounts": [{"name": "a", "mountPath": "/a"}],
                },
            ],
        }),
        &settings(),
    );
    let spec = &pod["spec"];
    let names = |list: &str| -> Vec<&str> {
        spec[list].as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap()).collect()
    };
    assert_eq!(
        (names("volumes"), names("initContainers")),
        (vec!["a", "dask-agent"], vec!["dask-agent", "a"])
    );
    let (sidecar, worker) = (&spec["containers"][0], &spec["containers"][1]);
    assert_eq!((&sidecar["args"], sidecar.get("volumeMounts")), (&json!(["x"]), None));
    assert_eq!(variable(sidecar, "DASK_AGENT_GRACE_SECONDS"), Value::Null);
    assert_eq!(variable(worker, "DASK_AGENT_GRACE_SECONDS"), "5");
    assert_eq!(worker["readinessProbe"], json!({"exec": {"command": ["x"]}}));
    assert_eq!(
        (&spec["terminationGracePeriodSeconds"], worker["volumeMounts"][0]["name"].as_str()),
        (&json!(7), Some("a"))
    );
    assert!(pod["metadata"]["annotations"][names::AGENT_HASH].is_string());
}

#[test]
fn the_init_container_may_and_uses_what_the_worker_may() {
    let pod = with(json!({
        "name": "worker", "args": ["dask", "worker"],
        "securityContext": {
            "runAsUser": 1000, "runAsNonRoot": true, "privileged": false, "runAsGroup": null,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "resources": {
            "requests": {"cpu": 1, "ephemeral-storage": "1Gi", "hugepages-2Mi": "2Mi"},
            "limits": {"memory": "1Gi", "nvidia.com/gpu": "1"}, "claims": [{"name": "gpu"}],
        },
    }));
    let init = &pod["initContainers"][0];
    let security = &init["securityContext"];
    assert_eq!((&security["runAsUser"], &security["runAsNonRoot"]), (&json!(1000), &json!(true)));
    assert!(security.get("runAsGroup").is_none() && security.get("privileged").is_none());
    assert_eq!(security["seccompProfile"], json!({"type": "RuntimeDefault"}), "its own, where it has one");
    let amounts = json!({"requests": {"cpu": 1, "ephemeral-storage": "1Gi"}, "limits": {"memory": "1Gi"}});
    assert_eq!(init["resources"], amounts, "devices and huge pages are the worker's alone");
    for resources in [json!({"claims": []}), json!({"limits": {"nvidia.com/gpu": "1"}})] {
        let pod = with(json!({"name": "worker", "args": ["dask", "worker"], "resources": resources}));
        assert!(pod["initContainers"][0].get("resources").is_none());
    }
    // A pod's profile is that of its containers; where neither has one, some clusters allow none.
    let pod = made(
        json!({
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "worker", "args": ["dask", "worker"]}],
        }),
        &settings(),
    );
    assert_eq!(pod["spec"]["initContainers"][0]["securityContext"].get("seccompProfile"), None);
}

#[test]
fn its_image_is_pulled_as_the_operator_was_told() {
    let settings = Settings {
        pull_policy: Some("Never".into()),
        pull_secrets: vec!["a".into(), "b".into()],
        ..settings()
    };
    let spec = json!({"containers": [{"args": ["dask", "worker"]}], "imagePullSecrets": [{"name": "b"}, {"name": "c"}]});
    let pod = made(spec, &settings);
    assert_eq!(pod["spec"]["initContainers"][0]["imagePullPolicy"], "Never");
    assert_eq!(pod["spec"]["imagePullSecrets"], json!([{"name": "b"}, {"name": "c"}, {"name": "a"}]));
}

#[test]
fn the_probe_asks_where_the_agent_listens() {
    let with = |container: Value, host: bool| {
        made(json!({"hostNetwork": host, "containers": [container]}), &settings())["spec"]["containers"][0]
            .clone()
    };
    let worker =
        |port: &str| json!({"args": ["dask", "worker"], "env": [{"name": "DASK_AGENT_PORT", "value": port}]});
    assert_eq!(with(worker("9000"), false)["readinessProbe"]["httpGet"]["port"], 9000);
    assert!(with(worker("0"), false).get("readinessProbe").is_none());
    let on_its_node = with(json!({"args": ["dask", "worker"]}), true);
    assert!(on_its_node.get("readinessProbe").is_none());
    assert_eq!(variable(&on_its_node, "DASK_AGENT_PORT"), "0");
}

#[test]
fn nothing_of_it_is_part_of_the_hash() {
    let spec = json!({"containers": [{"name": "worker", "args": ["dask", "worker"]}]});
    let (mut group, cluster) = group(spec);
    let hash = |group: &Group, settings: &Settings| {
        let pod = resources::worker_pod(
            group,
            &cluster,
            7,
            resources::Site { domain: "cluster.local", agent: settings },
        )
        .body;
        let is_injected = pod["spec"].get("initContainers").is_some();
        (pod["metadata"]["annotations"][names::TEMPLATE_HASH].clone(), is_injected)
    };
    let plain = resources::hash(&group.spec.worker.spec, None);
    let other = Settings { image: Some("agent:2".into()), pull_secrets: vec!["s".into()], ..settings() };
    let disabled = Settings { mode: AgentMode::Disabled, ..settings() };
    for (settings, is_injected) in
        [(Settings::default(), false), (settings(), true), (other, true), (disabled, false)]
    {
        assert_eq!(hash(&group, &settings), (json!(plain), is_injected));
    }
    group.spec.worker.agent = Some(serde_json::from_value(json!({"mode": "Disabled"})).unwrap());
    assert_eq!(hash(&group, &settings()), (json!(plain), false));
}

#[test]
fn where_it_is_not_the_pod_is_what_it_was() {
    let annotated = |settings: &Settings| {
        let (mut group, cluster) = group(json!({"containers": [{"name": "worker"}]}));
        group.spec.worker.metadata =
            serde_json::from_value(json!({"annotations": {"kubernetes.dask.org/agent-hash": "x"}})).unwrap();
        resources::worker_pod(
            &group,
            &cluster,
            7,
            resources::Site { domain: "cluster.local", agent: settings },
        )
        .body
    };
    assert_eq!(annotated(&Settings::default()), annotated(&settings()), "it has no command");
    assert_eq!(
        annotated(&settings())["metadata"]["annotations"].get(names::AGENT_HASH),
        None,
        "it is ours to say"
    );
}

#[test]
fn the_agent_is_told_whose_nanny_it_is() {
    let full = Settings { mode: AgentMode::Full, ..settings() };
    let mode = |settings: &Settings, args: Value| {
        let pod = made(json!({"containers": [{"name": "worker", "args": args}]}), settings);
        variable(&pod["spec"]["containers"][0], "DASK_AGENT_MODE")
    };
    assert_eq!(mode(&full, json!(["dask", "worker"])), "full");
    assert_eq!(mode(&full, json!(["dask", "cuda", "worker"])), Value::Null);
    assert_eq!(mode(&settings(), json!(["dask", "worker"])), Value::Null);
}

#[test]
fn a_dashboard_can_be_left_off() {
    let (mut group, cluster) = group(json!({"containers": [{"name": "worker", "args": ["dask", "worker"]}]}));
    let mut dashboard = |agent: Value| {
        group.spec.worker.agent = Some(serde_json::from_value(agent).unwrap());
        let body = resources::worker_pod(
            &group,
            &cluster,
            7,
            resources::Site { domain: "cluster.local", agent: &settings() },
        )
        .body;
        variable(&body["spec"]["containers"][0], "DASK_AGENT_DASHBOARD")
    };
    assert_eq!(dashboard(json!({"dashboard": false})), "false");
    assert_eq!(dashboard(json!({"dashboard": true})), Value::Null);
    assert_eq!(dashboard(json!({})), Value::Null);
}
