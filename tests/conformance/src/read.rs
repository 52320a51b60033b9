//! Getting and listing: shapes and selectors.

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use serde_json::{Value, json};

use super::{
    Case, Ground,
    answer::{has, same},
    manifests::{event, group, pod},
};

pub(super) const CASES: &[Case] = &[
    Case::new("get: what is not there", |g| missing(g).boxed_local()),
    Case::new("list: its shape", |g| shape(g).boxed_local()),
    Case::new("list: label selectors", |g| labels(g).boxed_local()),
    Case::new("list: bad label selectors", |g| bad_labels(g).boxed_local()),
    Case::new("list: field selectors", |g| fields(g).boxed_local()),
    Case::new("list: field selectors that are not supported", |g| bad_fields(g).boxed_local()),
    Case::new("list: field selectors of pods", |g| pod_fields(g).boxed_local()),
    Case::new("list: field selectors of events", |g| event_fields(g).boxed_local()),
    Case::new("list: all namespaces", |g| all_namespaces(g).boxed_local()),
    Case::new("list: a namespace that is not there is empty", |g| empty(g).boxed_local()),
    Case::new("list: by kube's client", |g| by_client(g).boxed_local()),
];

async fn missing(ground: Ground) -> Result<()> {
    for path in [
        "configmaps/a",
        "daskworkergroups/a",
        "pods/a",
        "leases/a",
        "deployments/a",
        "daskworkergroups/a/status",
        "pods/a/status",
        "daskworkergroups/a/scale",
    ] {
        ground.told(&format!("get/{path}"), ground.get(path).await?)?;
    }
    ground.told("get/namespaces/gone", ground.get("/api/v1/namespaces/gone").await?)?;
    ground.told("get/nodes/gone", ground.get("/api/v1/nodes/gone").await?)
}

/// Three groups: x is 1, 2 and not there.
pub(super) async fn three(ground: &Ground) -> Result<()> {
    for (name, labels) in [("a", json!({"x": "1", "y": "1"})), ("b", json!({"x": "2"})), ("c", Value::Null)] {
        let mut body = group(name);
        body["metadata"]["labels"] = labels;
        ground.create("daskworkergroups", &body).await?;
    }
    Ok(())
}

/// The names of a list.
pub(super) fn names(list: &Value) -> String {
    let items = list["items"].as_array().cloned().unwrap_or_default();
    items.iter().filter_map(|item| item["metadata"]["name"].as_str()).collect::<Vec<_>>().join(" ")
}

fn encoded(selector: &str) -> String {
    selector.bytes().fold(String::new(), |mut all, byte| {
        if byte.is_ascii_alphanumeric() {
            all.push(char::from(byte));
        } else {
            all.push_str(&format!("%{byte:02X}"));
        }
        all
    })
}

async fn shape(ground: Ground) -> Result<()> {
    ground.create("pods", &pod("a")).await?;
    let list = ground.get("pods").await?.ok(200)?;
    has("list", &list, &json!({"kind": "PodList", "apiVersion": "v1"}))?;
    ensure!(list["metadata"]["resourceVersion"].is_string(), "{}", list["metadata"]);
    // Items of a built-in kind do not say what they are; ours do.
    has("item", &list["items"][0], &json!({"kind": null, "apiVersion": null, "metadata": {"name": "a"}}))?;
    ground.create("daskworkergroups", &group("a")).await?;
    let list = ground.get("daskworkergroups").await?.ok(200)?;
    let version = "kubernetes.dask.org/v1";
    has("list", &list, &json!({"kind": "DaskWorkerGroupList", "apiVersion": version}))?;
    has("item", &list["items"][0], &json!({"kind": "DaskWorkerGroup", "apiVersion": version}))?;
    let metadata = list["metadata"].as_object().context("no metadata")?;
    let mut wanted = metadata.clone();
    wanted.insert("continue".into(), json!(""));
    same("metadata of a list of ours", &list["metadata"], &Value::Object(wanted))?;
    same("items of an empty list", &ground.get("daskclusters").await?.ok(200)?["items"], &json!([]))
}

async fn labels(ground: Ground) -> Result<()> {
    three(&ground).await?;
    for (selector, wanted) in [
        ("x=1", "a"),
        ("x==1", "a"),
        ("x!=1", "b c"),
        ("x in (1,2)", "a b"),
        ("x in (2), y", ""),
        ("x notin (1)", "b c"),
        ("x notin (1, 2)", "c"),
        ("x", "a b"),
        ("!x", "c"),
        ("x,!y", "b"),
        ("x=1,y=1", "a"),
        ("x=1,x=2", ""),
        ("x=", ""),
        ("x>1", "b"),
        ("x<2", "a"),
        (" x = 1 ", "a"),
        ("", "a b c"),
    ] {
        let list =
            ground.get(&format!("daskworkergroups?labelSelector={}", encoded(selector))).await?.ok(200)?;
        same(selector, &json!(names(&list)), &json!(wanted))?;
    }
    Ok(())
}

async fn bad_labels(ground: Ground) -> Result<()> {
    for selector in ["x=a b", "x in", "=1", "x=-", "x in (1", "x>a", "a b"] {
        let answer = ground.get(&format!("daskworkergroups?labelSelector={}", encoded(selector))).await?;
        ground.told(&format!("list/label {selector}"), answer)?;
    }
    Ok(())
}

async fn fields(ground: Ground) -> Result<()> {
    three(&ground).await?;
    let space = ground.namespace.clone();
    for (selector, wanted) in [
        ("metadata.name=b".to_string(), "b"),
        ("metadata.name!=b".to_string(), "a c"),
        ("metadata.name==b".to_string(), "b"),
        (format!("metadata.namespace={space}"), "a b c"),
        ("metadata.namespace=other".to_string(), ""),
        (format!("metadata.namespace={space},metadata.name=a"), "a"),
        ("metadata.name=a,metadata.name=b".to_string(), ""),
    ] {
        let list =
            ground.get(&format!("daskworkergroups?fieldSelector={}", encoded(&selector))).await?.ok(200)?;
        same(&selector, &json!(names(&list)), &json!(wanted))?;
    }
    let query = format!("daskworkergroups?fieldSelector={}&labelSelector=x", encoded("metadata.name!=a"));
    same("both", &json!(names(&ground.get(&query).await?.ok(200)?)), &json!("b"))
}

async fn bad_fields(ground: Ground) -> Result<()> {
    for (resource, selector) in [
        ("daskworkergroups", "spec.cluster=a"),
        ("configmaps", "data.a=1"),
        ("pods", "spec.priority=1"),
        ("pods", "metadata.name"),
        ("events", "message=x"),
    ] {
        let answer = ground.get(&format!("{resource}?fieldSelector={}", encoded(selector))).await?;
        ground.told(&format!("list/field {resource} {selector}"), answer)?;
    }
    Ok(())
}

async fn pod_fields(ground: Ground) -> Result<()> {
    ground.create("pods", &pod("a")).await?;
    let mut body = pod("b");
    body["spec"]["nodeName"] = json!("is-not-there");
    body["spec"]["restartPolicy"] = json!("Never");
    ground.create("pods", &body).await?;
    for (selector, wanted) in [
        ("spec.nodeName=is-not-there", "b"),
        ("spec.nodeName=", "a"),
        ("status.phase=Pending", "a b"),
        ("status.phase!=Pending", ""),
        ("spec.restartPolicy=Never", "b"),
        ("spec.schedulerName=nobody", "a b"),
        ("spec.serviceAccountName=default", "a b"),
    ] {
        let list = ground.get(&format!("pods?fieldSelector={}", encoded(selector))).await?.ok(200)?;
        same(selector, &json!(names(&list)), &json!(wanted))?;
    }
    Ok(())
}

async fn event_fields(ground: Ground) -> Result<()> {
    ground.create("events", &event(&ground.namespace, "a", "u1", "Normal")).await?;
    ground.create("events", &event(&ground.namespace, "b", "u2", "Warning")).await?;
    for (selector, wanted) in [
        ("involvedObject.uid=u1", "a"),
        ("type=Warning", "b"),
        ("type!=Warning", "a"),
        ("reason=Tried,type=Normal", "a"),
        ("involvedObject.kind=Pod,involvedObject.name=p", "a b"),
        ("involvedObject.name=q", ""),
    ] {
        let list = ground.get(&format!("events?fieldSelector={}", encoded(selector))).await?.ok(200)?;
        same(selector, &json!(names(&list)), &json!(wanted))?;
    }
    Ok(())
}

async fn all_namespaces(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups", &group("a")).await?;
    let path = format!(
        "/apis/kubernetes.dask.org/v1/daskworkergroups?fieldSelector={}",
        encoded(&format!("metadata.namespace={}", ground.namespace))
    );
    let list = ground.get(&path).await?.ok(200)?;
    same("found", &json!(names(&list)), &json!("a"))?;
    let list = ground.get("/api/v1/pods?limit=1").await?.ok(200)?;
    same("kind", &list["kind"], &json!("PodList"))
}

async fn empty(ground: Ground) -> Result<()> {
    let list = ground.get("/api/v1/namespaces/is-not-there/pods").await?.ok(200)?;
    same("items", &list["items"], &json!([]))
}

async fn by_client(ground: Ground) -> Result<()> {
    use k8s_openapi::api::core::v1::Pod;
    use kube::{
        Api, ResourceExt,
        api::{ListParams, PostParams},
    };
    let pods: Api<Pod> = Api::namespaced(ground.client(), &ground.namespace);
    pods.create(&PostParams::default(), &serde_json::from_value(pod("a"))?).await?;
    let list = pods.list(&ListParams::default().labels("x notin (1)").fields("status.phase=Pending")).await?;
    ensure!(list.iter().map(ResourceExt::name_any).eq(["a"]), "{list:?}");
    let missing = pods.get("b").await.err().context("it was found")?;
    let kube::Error::Api(status) = missing else { anyhow::bail!("{missing}") };
    ensure!(status.is_not_found() && status.message == "pods \"b\" not found", "{status:?}");
    Ok(())
}
