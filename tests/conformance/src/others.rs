//! Events, Leases, Services, and what is not there at all.

use anyhow::{Result, ensure};
use futures::FutureExt;
use serde_json::{Value, json};

use super::{
    Case, Ground,
    answer::{has, same},
    ground::Patch,
    manifests::{config_map, deployment, event, group, lease, pod, service},
};

pub(super) const CASES: &[Case] = &[
    Case::new("events: counting", |g| counting(g).boxed_local()),
    Case::new("events: what is refused", |g| bad_events(g).boxed_local()),
    Case::new("leases: taking over", |g| lease_taken(g).boxed_local()),
    Case::new("leases: what is refused", |g| bad_leases(g).boxed_local()),
    Case::new("services: what is set", |g| service_defaults(g).boxed_local()),
    Case::new("services: headless, and changes of the address", |g| service_address(g).boxed_local()),
    Case::new("deployments: what is set", |g| deployment_defaults(g).boxed_local()),
    Case::new("pods: what is set", |g| pod_defaults(g).boxed_local()),
    Case::new("pods: quality of service", |g| quality(g).boxed_local()),
    Case::new("paths: a resource that is not there", |g| unknown(g).boxed_local()),
    Case::new("paths: a method that is not allowed", |g| methods(g).boxed_local()),
    Case::new("paths: discovery of our kinds", |g| discovery(g).boxed_local()),
    Case::new("paths: the version", |g| server_version(g).boxed_local()),
    Case::new("namespaces: creating twice", |g| namespace_twice(g).boxed_local()),
];

async fn counting(ground: Ground) -> Result<()> {
    let mut body = event(&ground.namespace, "a", "u1", "Normal");
    body["firstTimestamp"] = json!("2025-01-01T00:00:00Z");
    body["lastTimestamp"] = json!("2025-01-01T00:00:00Z");
    body["source"] = json!({"component": "c"});
    ground.told("events/made", ground.post("events", &body).await?)?;
    let patch = json!({"count": 2, "lastTimestamp": "2025-01-01T00:01:00Z", "message": "again"});
    let seen = ground.merge("events/a", &patch).await?.ok(200)?;
    has("event", &seen, &json!({"count": 2, "message": "again", "firstTimestamp": "2025-01-01T00:00:00Z"}))?;
    let strategic = json!({"count": 3});
    let seen = ground.patch(Patch::Strategic, "events/a", &strategic).await?.ok(200)?;
    same("count", &seen["count"], &json!(3))
}

async fn bad_events(ground: Ground) -> Result<()> {
    ground
        .told("events/other namespace", ground.post("events", &event("other", "a", "u1", "Normal")).await?)?;
    let mut body = event(&ground.namespace, "a", "u1", "Normal");
    body["count"] = json!("x");
    ground.told("events/count", ground.post("events", &body).await?)?;
    let mut body = event(&ground.namespace, "a", "u1", "Normal");
    body["reportingComponent"] = json!("c");
    body["eventTime"] = json!("2025-01-01T00:00:00.000000Z");
    ground.told("events/new style without action", ground.post("events", &body).await?)
}

async fn lease_taken(ground: Ground) -> Result<()> {
    let mut first = ground.create("leases", &lease("a")).await?;
    let mut second = first.clone();
    second["spec"]["holderIdentity"] = json!("b");
    second["spec"]["renewTime"] = json!("2025-01-01T00:00:00.123456Z");
    let seen = ground.put("leases/a", &second).await?.ok(200)?;
    has("lease", &seen["spec"], &json!({"holderIdentity": "b", "renewTime": "2025-01-01T00:00:00.123456Z"}))?;
    first["spec"]["holderIdentity"] = json!("c");
    ground.told("leases/conflict", ground.put("leases/a", &first).await?)
}

async fn bad_leases(ground: Ground) -> Result<()> {
    for (what, spec) in [
        ("duration", json!({"leaseDurationSeconds": 0})),
        ("transitions", json!({"leaseTransitions": -1})),
        ("time", json!({"renewTime": "yesterday"})),
        ("holder", json!({"holderIdentity": ""})),
    ] {
        let mut body = lease("a");
        if let (Some(all), Some(bad)) = (body["spec"].as_object_mut(), spec.as_object()) {
            all.extend(bad.clone());
        }
        ground.told(&format!("leases/bad {what}"), ground.post("leases", &body).await?)?;
    }
    Ok(())
}

async fn service_defaults(ground: Ground) -> Result<()> {
    let answer = ground.post("services", &service("a")).await?;
    let address = answer.body["spec"]["clusterIP"].as_str().unwrap_or_default().to_string();
    ensure!(address.parse::<std::net::IpAddr>().is_ok(), "{address:?}");
    same("addresses", &answer.body["spec"]["clusterIPs"], &json!([address]))?;
    ground.told("services/made", answer)
}

async fn service_address(ground: Ground) -> Result<()> {
    let mut body = service("a");
    body["spec"]["clusterIP"] = json!("None");
    ground.told("services/headless", ground.post("services", &body).await?)?;
    ground.create("services", &service("b")).await?;
    let answer = ground.merge("services/b", &json!({"spec": {"clusterIP": "None"}})).await?;
    ground.told("services/headless later", answer)?;
    let seen = ground
        .merge("services/b", &json!({"spec": {"ports": [{"name": "http", "port": 81}]}}))
        .await?
        .ok(200)?;
    has("port", &seen["spec"]["ports"][0], &json!({"port": 81, "targetPort": 81, "protocol": "TCP"}))
}

async fn deployment_defaults(ground: Ground) -> Result<()> {
    // A controller changes it at once, so what a dry run answers is compared.
    ground.told("deployments/made", ground.post("deployments?dryRun=All", &deployment("a")).await?)?;
    let mut body = deployment("a");
    body["spec"]["template"]["metadata"]["labels"] = json!({"app": "y"});
    ground.told("deployments/selector", ground.post("deployments", &body).await?)?;
    let mut body = deployment("a");
    body["spec"]["template"]["spec"]["restartPolicy"] = json!("Never");
    ground.told("deployments/restartPolicy", ground.post("deployments", &body).await?)?;
    ground.create("deployments", &deployment("a")).await?;
    let patch = json!({"spec": {"selector": {"matchLabels": {"app": "z"}}, "template": {"metadata": {"labels": {"app": "z"}}}}});
    ground.told("deployments/other selector", ground.merge("deployments/a", &patch).await?)
}

async fn pod_defaults(ground: Ground) -> Result<()> {
    ground.told("pods/made", ground.post("pods", &pod("a")).await?)?;
    let mut body = pod("b");
    let container = json!({
        "name": "main", "image": "i:1", "ports": [{"containerPort": 80}],
        "resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}},
        "livenessProbe": {"httpGet": {"port": 80}}, "env": [{"name": "A"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "volumeMounts": [{"name": "v", "mountPath": "/v"}],
    });
    body["spec"]["containers"] = json!([container]);
    body["spec"]["initContainers"] = json!([{"name": "before", "image": "i@sha256:x"}]);
    body["spec"]["volumes"] =
        json!([{"name": "v", "emptyDir": {}}, {"name": "w", "secret": {"secretName": "s"}}]);
    body["spec"]["tolerations"] =
        json!([{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute", "tolerationSeconds": 30}]);
    ground.told("pods/made with more", ground.post("pods", &body).await?)
}

async fn quality(ground: Ground) -> Result<()> {
    for (name, resources, wanted) in [
        ("a", json!({}), "BestEffort"),
        ("b", json!({"requests": {"cpu": "1"}}), "Burstable"),
        ("c", json!({"limits": {"cpu": "1", "memory": "1Gi"}}), "Guaranteed"),
        ("d", json!({"limits": {"cpu": "1"}}), "Burstable"),
    ] {
        let mut body = pod(name);
        body["spec"]["containers"][0]["resources"] = resources;
        let seen = ground.create("pods", &body).await?;
        same(name, &seen["status"]["qosClass"], &json!(wanted))?;
    }
    Ok(())
}

async fn unknown(ground: Ground) -> Result<()> {
    for path in [
        "nopes",
        "nopes/a",
        "/apis/kubernetes.dask.org/v1/nopes",
        "/apis/kubernetes.dask.org/v2/daskclusters",
        "/apis/nope.example.org/v1/nopes",
        "/nope",
        "/apis/nope.example.org",
        "/api/v2/pods",
    ] {
        let answer = ground.get(path).await?;
        ground.told(&format!("paths/{path}"), answer)?;
    }
    ground.told("paths/post", ground.post("daskthings", &group("a")).await?)
}

async fn methods(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups", &group("a")).await?;
    for (what, answer) in [
        ("post to an object", ground.post("daskworkergroups/a", &group("a")).await?),
        ("put to a collection", ground.put("daskworkergroups", &group("a")).await?),
        ("patch of a collection", ground.merge("daskworkergroups", &json!({})).await?),
        ("delete of a status", ground.delete("daskworkergroups/a/status", &Value::Null).await?),
        ("post to a scale", ground.post("daskworkergroups/a/scale", &json!({})).await?),
        ("put to pods", ground.put("pods", &pod("a")).await?),
        ("post to a pod", ground.post("pods/a", &pod("a")).await?),
        ("post to all namespaces", ground.post("/api/v1/configmaps", &config_map("a")).await?),
    ] {
        ground.told(&format!("methods/{what}"), answer)?;
    }
    Ok(())
}

async fn discovery(ground: Ground) -> Result<()> {
    let list = ground.get("/apis/kubernetes.dask.org/v1").await?.ok(200)?;
    has(
        "list",
        &list,
        &json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "kubernetes.dask.org/v1"}),
    )?;
    let find = |name: &str| {
        let resources = list["resources"].as_array();
        resources
            .and_then(|all| all.iter().find(|resource| resource["name"] == name))
            .cloned()
            .unwrap_or_default()
    };
    let mut seen = find("daskworkergroups");
    if let Some(resource) = seen.as_object_mut() {
        resource.remove("storageVersionHash");
    }
    same(
        "our kind",
        &seen,
        &json!({
            "name": "daskworkergroups", "singularName": "daskworkergroup", "namespaced": true, "kind": "DaskWorkerGroup",
            "verbs": ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"],
            "shortNames": ["daskworkers"],
        }),
    )?;
    same(
        "status",
        &find("daskworkergroups/status"),
        &json!({
            "name": "daskworkergroups/status", "singularName": "", "namespaced": true, "kind": "DaskWorkerGroup",
            "verbs": ["get", "patch", "update"],
        }),
    )?;
    same(
        "scale",
        &find("daskworkergroups/scale"),
        &json!({
            "name": "daskworkergroups/scale", "singularName": "", "namespaced": true, "group": "autoscaling",
            "version": "v1", "kind": "Scale", "verbs": ["get", "patch", "update"],
        }),
    )
}

async fn server_version(ground: Ground) -> Result<()> {
    let seen = ground.get("/version").await?.ok(200)?;
    has("version", &seen, &json!({"major": "1", "minor": "34"}))
}

async fn namespace_twice(ground: Ground) -> Result<()> {
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ground.namespace}});
    ground.told("namespaces/twice", ground.post("/api/v1/namespaces", &body).await?)?;
    let seen = ground.get(&format!("/api/v1/namespaces/{}", ground.namespace)).await?.ok(200)?;
    has(
        "namespace",
        &seen,
        &json!({
            "metadata": {"labels": {"kubernetes.io/metadata.name": ground.namespace}},
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
        }),
    )
}
