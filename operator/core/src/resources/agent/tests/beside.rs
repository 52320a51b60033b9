//! What the agent gets beside what the author says: a port, hooks, annotations.

use super::*;

/// The port that the agent gets beside these containers.
fn port(containers: Value) -> (String, Value) {
    let pod = made(json!({ "containers": containers }), &settings());
    let worker = &pod["spec"]["containers"][0];
    let port = variable(worker, "DASK_AGENT_PORT").as_str().unwrap().to_owned();
    (port, worker["readinessProbe"]["httpGet"]["port"].clone())
}

#[test]
fn the_port_steps_aside_for_what_the_pod_uses() {
    let worker = |more: Value| {
        let mut worker = json!({"name": "worker", "args": ["dask", "worker"]});
        worker.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        worker
    };
    for (uses, free) in [
        (json!({"ports": [{"containerPort": 8790}]}), 8791),
        (json!({"ports": [{"containerPort": 8791}]}), 8790),
        (json!({"livenessProbe": {"httpGet": {"path": "/health", "port": 8790}}}), 8791),
        (json!({"startupProbe": {"tcpSocket": {"port": 8790}}, "ports": [{"containerPort": 8791}]}), 8792),
        (json!({"args": ["dask", "worker", "--dashboard-address", "8790"]}), 8791),
        (json!({"args": ["dask", "worker", "--dashboard-address=:8790"]}), 8791),
        (json!({"args": ["dask", "worker", "--worker-port", "8000:9000"]}), 9001),
        (
            json!({"args": ["x", "8795:8800", "8700:8794", "8790", "8701:8702"], "command": ["dask", "worker"]}),
            8801,
        ),
        (json!({"args": ["dask", "worker", "--worker-port", "8790:65535"]}), 8790),
        (json!({"args": ["dask", "worker", "s:8786", "--name", "w87900"]}), 8790),
        (
            json!({"args": ["dask", "worker", "--dashboard-address", ":$(P)"], "env": [{"name": "P", "value": "8790"}]}),
            8791,
        ),
    ] {
        assert_eq!(port(json!([worker(uses.clone())])), (free.to_string(), json!(free)), "{uses}");
    }
    let side_car = json!({"name": "x", "ports": [{"containerPort": 8790}], "args": ["--listen=:8791"]});
    assert_eq!(port(json!([worker(json!({})), side_car])).0, "8792", "containers of a pod share their ports");
    // Dask's Helm chart.
    let (port, probe) = port(json!([worker(json!({
        "args": ["dask", "worker", "--no-dashboard", "--dashboard-address", "8790"],
        "readinessProbe": {"httpGet": {"path": "/status", "port": 8790}},
    }))]));
    assert_eq!((port.as_str(), probe), ("8791", json!(8790)));
}

#[test]
fn an_entry_point_is_told_of_the_end_by_a_hook_that_its_author_does_not_have() {
    let hook = |container: Value| with(container)["containers"][0]["lifecycle"].clone();
    let ours = json!({"exec": {"command": ["/.dask-agent/dask-agent", "leave"]}});
    let started = json!({"exec": {"command": ["x"]}});
    assert_eq!(hook(json!({"args": ["dask", "worker"]})), json!({"preStop": ours}));
    assert_eq!(
        hook(json!({"args": ["dask", "worker"], "lifecycle": {"postStart": started}})),
        json!({"postStart": started, "preStop": ours})
    );
    let own = json!({"preStop": {"httpGet": {"port": 1}}});
    assert_eq!(hook(json!({"args": ["dask", "worker"], "lifecycle": own})), own);
    assert_eq!(hook(json!({"command": ["dask", "worker"]})), Value::Null, "the agent gets the signal itself");
}

#[test]
fn the_agent_knows_how_long_a_hook_of_the_author_sleeps() {
    let told = |hook: Value| {
        let lifecycle = json!({ "preStop": hook });
        let worker = json!({"name": "worker", "args": ["dask", "worker"], "lifecycle": lifecycle});
        variable(&with(worker)["containers"][0], "DASK_AGENT_PRESTOP_SECONDS")
    };
    for (hook, seconds) in [
        (json!({"sleep": {"seconds": 20}}), "20"),
        (json!({"exec": {"command": ["sleep", "20"]}}), "20"),
        (json!({"exec": {"command": ["/bin/sleep", "1m", "1.5s"]}}), "62"),
        (json!({"exec": {"command": ["sh", "-c", "sleep 5 && touch /x; exec sleep 2"]}}), "7"),
        (json!({"exec": {"command": ["/bin/bash", "-ec", "sleep 3"]}}), "3"),
        (json!({"exec": {"command": ["sleep", "1e300"]}}), "86400"),
    ] {
        assert_eq!(told(hook.clone()), seconds, "{hook}");
    }
    for hook in [
        json!({"httpGet": {"port": 1}}),
        json!({"exec": {"command": ["sleep", "soon"]}}),
        json!({"exec": {"command": ["sleep", "-5"]}}),
        json!({"exec": {"command": ["sh", "-c", "sleep 9 & while x; do sleep 1; done"]}}),
        json!({"exec": {"command": []}}),
        json!("sleep"),
    ] {
        assert_eq!(told(hook.clone()), Value::Null, "{hook}");
    }
    let ours = &with(json!({"args": ["dask", "worker"]}))["containers"][0];
    assert_eq!(variable(ours, "DASK_AGENT_PRESTOP_SECONDS"), Value::Null, "our own is the agent's end");
}

#[test]
fn the_agent_knows_where_its_last_words_go() {
    let log = |path: Value| {
        let worker = json!({"args": ["dask", "worker"], "terminationMessagePath": path});
        variable(&with(worker)["containers"][0], "DASK_AGENT_TERMINATION_LOG")
    };
    assert_eq!(log(json!("/tmp/end")), "/tmp/end");
    assert_eq!((log(Value::Null), log(json!(""))), (Value::Null, Value::Null));
}

#[test]
fn a_node_with_it_can_be_emptied_unless_the_author_says_otherwise() {
    const EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";
    const VOLUMES: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes";
    let said = |own: Value, settings: &Settings| {
        let (mut group, cluster) =
            group(json!({"containers": [{"name": "worker", "args": ["dask", "worker"]}]}));
        group.spec.worker.metadata = serde_json::from_value(json!({ "annotations": own })).unwrap();
        let body = resources::worker_pod(
            &group,
            &cluster,
            7,
            resources::Site { domain: "cluster.local", agent: settings },
        )
        .body;
        let annotation = |key: &str| body["metadata"]["annotations"].get(key).cloned().unwrap_or_default();
        (annotation(EVICT), annotation(VOLUMES))
    };
    let yes = |volumes: &str| (json!("true"), json!(volumes));
    assert_eq!(said(json!({}), &settings()), yes("dask-agent"));
    assert_eq!(said(json!({VOLUMES: "spill, tmp"}), &settings()), yes("spill, tmp,dask-agent"));
    assert_eq!(said(json!({VOLUMES: "a,dask-agent"}), &settings()), yes("a,dask-agent"));
    assert_eq!(said(json!({EVICT: "false"}), &settings()), (json!("false"), json!("dask-agent")));
    assert_eq!(said(json!({}), &Settings::default()), (Value::Null, Value::Null), "there is no agent");
}
