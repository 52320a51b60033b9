//! Cells as real printers have them.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Columns, age, path::Path, pod, service, workload};

fn now() -> Timestamp {
    "2025-01-01T01:00:00Z".parse().unwrap()
}

#[test]
fn ages_are_the_shorter_the_older() {
    for (seconds, wanted) in [
        (-5, "<invalid>"),
        (-1, "0s"),
        (119, "119s"),
        (120, "2m"),
        (121, "2m1s"),
        (600, "10m"),
        (10_799, "179m"),
        (10_800, "3h"),
        (10_860, "3h1m"),
        (8 * 3600, "8h"),
        (47 * 3600, "47h"),
        (49 * 3600, "2d1h"),
        (8 * 86_400, "8d"),
        (729 * 86_400, "729d"),
        (731 * 86_400, "2y1d"),
        (3000 * 86_400, "8y"),
    ] {
        assert_eq!(age::short(SignedDuration::from_secs(seconds)), wanted);
    }
    assert_eq!(age::since("", now()), "<unknown>");
}

#[test]
fn paths_select_fields_items_and_what_fits() {
    let object = json!({
        "metadata": {"labels": {"a.b/c": "d"}},
        "list": [{"n": 1, "type": "A", "status": "True"}, {"n": 2, "type": "B", "status": "False"}],
    });
    for (path, wanted) in [
        (".list[0].type", Some(json!("A"))),
        (".list[-1].type", Some(json!("B"))),
        (".list[*].n", Some(json!(1))),
        (r#".list[?(@.type=="B")].status"#, Some(json!("False"))),
        (".list[?(@.type=='B')].status", Some(json!("False"))),
        (".list[?(@.n > 1)].n", Some(json!(2))),
        (".list[?(@.other)].n", None),
        (r".metadata.labels.a\.b/c", Some(json!("d"))),
        (".metadata.labels['a.b/c']", Some(json!("d"))),
        (".nothing.here", None),
        (".list[7]", None),
    ] {
        assert_eq!(Path::parse(path).unwrap().first(&object).cloned(), wanted, "{path}");
    }
    assert_eq!(Path::parse("..a"), None);
}

#[test]
fn cells_of_custom_resources_have_the_type_of_their_column() {
    let column = |kind: &str, path: &str| json!({"name": path, "type": kind, "jsonPath": path});
    let columns = Columns::of(&json!({"additionalPrinterColumns": [
        column("string", ".spec"), column("integer", ".spec.n"), column("integer", ".spec.text"),
        column("date", ".metadata.creationTimestamp"), column("boolean", ".spec.is"), column("string", ".no"),
    ]}));
    let object = json!({
        "metadata": {"name": "a", "creationTimestamp": "2025-01-01T00:00:00Z"},
        "spec": {"n": 3, "text": "x", "is": true},
    });
    let wanted = json!(["a", r#"{"is":true,"n":3,"text":"x"}"#, 3, null, "60m", true, null]);
    assert_eq!(json!(columns.cells(&object, now())), wanted);
    assert_eq!(json!(Columns::of(&json!({})).cells(&object, now())), json!(["a", "60m"]));
}

/// Ready, status and restarts of a pod.
fn shown(status: Value, deleted: Option<&str>) -> Value {
    let pod = json!({
        "metadata": {"name": "p", "deletionTimestamp": deleted},
        "spec": {
            "containers": [{"name": "a"}],
            "initContainers": [{"name": "i"}, {"name": "s", "restartPolicy": "Always"}],
        },
        "status": status,
    });
    json!(pod::cells(&pod, now())[1..4])
}

#[test]
fn pods_tell_what_their_containers_do() {
    let one =
        |state: Value, ready: bool| json!([{"name": "a", "ready": ready, "restartCount": 0, "state": state}]);
    let running = one(json!({"running": {}}), true);
    let run = |containers: Value| json!({"phase": "Running", "containerStatuses": containers});
    assert_eq!(shown(json!({"phase": "Pending"}), None), json!(["0/2", "Pending", "0"]));
    assert_eq!(shown(run(running.clone()), None), json!(["1/2", "Running", "0"]));
    let going = Some("2025-01-01T00:00:00Z");
    assert_eq!(shown(run(running), going), json!(["1/2", "Terminating", "0"]));
    let done = json!({"phase": "Succeeded", "containerStatuses": one(json!({"terminated": {"reason": "Completed"}}), false)});
    assert_eq!(shown(done, going), json!(["0/2", "Completed", "0"]));
    let ended = one(json!({"terminated": {"exitCode": 3}}), false);
    assert_eq!(shown(run(ended), None), json!(["0/2", "ExitCode:3", "0"]));
    let mut looping = one(json!({"waiting": {"reason": "CrashLoopBackOff"}}), false);
    looping[0]["restartCount"] = json!(4);
    looping[0]["lastState"] = json!({"terminated": {"finishedAt": "2025-01-01T00:57:00Z"}});
    assert_eq!(shown(run(looping), None), json!(["0/2", "CrashLoopBackOff", "4 (3m ago)"]));
    assert_eq!(shown(json!({"phase": "Failed", "reason": "Evicted"}), None), json!(["0/2", "Evicted", "0"]));
}

#[test]
fn pods_tell_which_init_container_they_wait_for() {
    let init = |state: Value| {
        shown(json!({"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": state}]}), None)
    };
    assert_eq!(init(json!({"running": {}})), json!(["0/2", "Init:0/2", "0"]));
    assert_eq!(
        init(json!({"waiting": {"reason": "ErrImagePull"}})),
        json!(["0/2", "Init:ErrImagePull", "0"])
    );
    assert_eq!(
        init(json!({"terminated": {"reason": "Error", "exitCode": 1}})),
        json!(["0/2", "Init:Error", "0"])
    );
    let past = json!({"phase": "Running", "initContainerStatuses": [
        {"name": "i", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
        {"name": "s", "started": true, "ready": true, "state": {"running": {}}},
    ]});
    assert_eq!(shown(past, None), json!(["1/2", "Running", "0"]));
}

#[test]
fn services_tell_their_addresses_and_ports() {
    let service = json!({"metadata": {"name": "s"}, "spec": {
        "type": "LoadBalancer", "clusterIP": "10.0.0.1", "selector": {"a": "b"},
        "ports": [{"port": 80, "nodePort": 30000, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}],
    }});
    let wanted =
        json!(["s", "LoadBalancer", "10.0.0.1", "<pending>", "80:30000/TCP,53/UDP", "<unknown>", "a=b"]);
    assert_eq!(json!(service::cells(&service, now())), wanted);
}

#[test]
fn selectors_are_in_the_order_of_their_keys() {
    let deployment = json!({"metadata": {"name": "d"}, "spec": {"replicas": 3, "selector": {
        "matchLabels": {"a": "b"},
        "matchExpressions": [
            {"key": "z", "operator": "In", "values": ["q", "p"]}, {"key": "y", "operator": "Exists"},
            {"key": "x", "operator": "DoesNotExist"}, {"key": "w", "operator": "NotIn", "values": ["v"]},
        ],
    }}});
    let cells = workload::deployment(&deployment, now());
    assert_eq!(json!(cells[1]), "0/3");
    assert_eq!(json!(cells[7]), "a=b,w notin (v),!x,y,z in (p,q)");
}
