//! Without HTTP: the journal, the garbage collector, and that nothing is left to chance.

use serde_json::{Value, json};

use super::dask;
use kube_memory_api_server::{ApiServer, Call, DeleteOptions, Propagation, Settings, Status, Verb};

type Done = Result<std::sync::Arc<Value>, Status>;

fn server() -> ApiServer {
    ApiServer::with_definitions(&dask(), || jiff::Timestamp::UNIX_EPOCH, Settings::default())
}

fn create(server: &ApiServer, resource: &'static str, body: Value) -> Done {
    server.call("user", Call::Create { resource, namespace: "default".into(), body })
}

fn pod(name: &str, owners: Value) -> Value {
    json!({
        "metadata": {"name": name, "ownerReferences": owners},
        "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]},
    })
}

fn owner(of: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "name": of["metadata"]["name"], "uid": of["metadata"]["uid"],
        "blockOwnerDeletion": true,
    })
}

fn delete(server: &ApiServer, resource: &'static str, name: &str, options: DeleteOptions) -> Done {
    let (namespace, name) = ("default".into(), name.into());
    server.call("user", Call::Delete { resource, namespace, name, options })
}

fn patch(server: &ApiServer, resource: &'static str, name: &str, patch: Value) -> Done {
    let (namespace, name) = ("default".into(), name.into());
    server.call("user", Call::MergePatch { resource, namespace, name, subresource: None, patch })
}

#[test]
fn what_has_no_owner_any_more_is_deleted_with_its_grace_period() {
    let server = server();
    let first = create(&server, "configmaps", json!({"metadata": {"name": "a"}})).unwrap();
    let second = create(&server, "configmaps", json!({"metadata": {"name": "b"}})).unwrap();
    create(&server, "pods", pod("one", json!([owner(&first)]))).unwrap();
    create(&server, "pods", pod("both", json!([owner(&first), owner(&second)]))).unwrap();
    assert_eq!(server.collect_garbage(), 0);
    delete(&server, "configmaps", "a", DeleteOptions::default()).unwrap();
    let from = server.journal_len();
    assert_eq!(server.collect_garbage(), 2);
    let one = server.object("pods", "default", "one").unwrap();
    assert_eq!(one["metadata"]["deletionGracePeriodSeconds"], 30);
    let both = server.object("pods", "default", "both").unwrap();
    assert_eq!(both["metadata"]["ownerReferences"], json!([owner(&second)]));
    assert_eq!(server.collect_garbage(), 0);
    delete(&server, "pods", "one", DeleteOptions { grace: Some(0), ..DeleteOptions::default() }).unwrap();
    let journal = server.journal(from);
    let told: Vec<_> = journal.iter().map(|c| (c.verb, c.name.as_str(), c.after.is_some())).collect();
    assert_eq!(
        told,
        [(Verb::Update, "both", true), (Verb::Remove, "one", true), (Verb::Delete, "one", false)]
    );
}

#[test]
fn in_the_foreground_an_owner_goes_last_and_orphans_stay() {
    for (propagation, survivors) in [(Propagation::Foreground, 0), (Propagation::Orphan, 1)] {
        let server = server();
        let owned_by = create(&server, "configmaps", json!({"metadata": {"name": "a"}})).unwrap();
        let body = json!({"metadata": {"name": "b", "ownerReferences": [owner(&owned_by)]}});
        create(&server, "secrets", body).unwrap();
        let options = DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() };
        delete(&server, "configmaps", "a", options).unwrap();
        assert!(server.object("configmaps", "default", "a").is_some(), "it waits for the collector");
        while server.collect_garbage() > 0 {}
        assert!(server.object("configmaps", "default", "a").is_none());
        assert_eq!(server.objects("secrets").len(), survivors);
    }
}

#[test]
fn a_namespace_goes_with_all_that_is_in_it() {
    let server = server();
    let call = |resource, namespace: &str, body| Call::Create { resource, namespace: namespace.into(), body };
    server.call("user", call("namespaces", "", json!({"metadata": {"name": "x"}}))).unwrap();
    server.call("user", call("configmaps", "x", json!({"metadata": {"name": "a"}}))).unwrap();
    let (namespace, options) = (String::new(), DeleteOptions::default());
    server
        .call("user", Call::Delete { resource: "namespaces", namespace, name: "x".into(), options })
        .unwrap();
    let late = server.call("user", call("configmaps", "x", json!({"metadata": {"name": "b"}}))).unwrap_err();
    assert_eq!((late.code, late.reason), (403, "Forbidden"));
    while server.collect_garbage() > 0 {}
    assert!(server.object("namespaces", "", "x").is_none() && server.objects("configmaps").is_empty());
}

#[test]
fn what_changes_nothing_is_no_change() {
    let server = server();
    create(&server, "configmaps", json!({"metadata": {"name": "a"}, "data": {"k": "v"}})).unwrap();
    let (length, before) = (server.journal_len(), server.object("configmaps", "default", "a").unwrap());
    let after = patch(&server, "configmaps", "a", json!({"data": {"k": "v", "x": null}})).unwrap();
    assert_eq!(before, after);
    let refused =
        patch(&server, "configmaps", "a", json!({"metadata": {"resourceVersion": "1"}})).unwrap_err();
    assert_eq!((refused.code, refused.reason), (409, "Conflict"));
    assert_eq!(server.journal_len(), length);
}

#[test]
fn a_scheduler_binds_a_pod_once() {
    let server = server();
    let body = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    create(&server, "pods", body).unwrap();
    let bind = || {
        let body = json!({"metadata": {"name": "p"}, "target": {"name": "node"}});
        let (namespace, name, subresource) = ("default".into(), "p".into(), Some("binding"));
        server.call("scheduler", Call::Replace { resource: "pods", namespace, name, subresource, body })
    };
    assert_eq!(bind().unwrap()["spec"]["nodeName"], "node");
    assert_eq!(bind().unwrap_err().code, 409);
}

#[test]
fn the_same_calls_have_the_same_answers() {
    let run = || {
        let server = server();
        for _ in 0..3 {
            let body = json!({"metadata": {"generateName": "a-"}, "spec": {"ports": [{"port": 80}]}});
            create(&server, "services", body).unwrap();
        }
        let all: Vec<String> = server.objects("services").iter().map(|o| o.to_string()).collect();
        all.concat()
    };
    assert_eq!(run(), run());
}
