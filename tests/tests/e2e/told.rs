//! Bad input that the API server takes: each is told in a condition with path, value, rule and remedy, soon, and
//! is over when the input is put right.

use anyhow::{Context, Result, ensure};
use dask_crds::{Condition, DaskWorkerGroup, Phase};
use dask_operator_tests::{
    dask::{Dask, START, Wanted, find},
    manifest,
    space::{Space, test},
    wait::{secs, until},
};
use futures::{StreamExt, TryStreamExt, stream};
use kube::ResourceExt;
use serde_json::{Value, json};

/// How soon a person must be told.
const SOON: std::time::Duration = secs(15);

/// Name, path in the manifest, bad value, condition that tells and words in it.
struct Row(&'static str, &'static str, Value, Wanted<'static>, &'static [&'static str]);

/// What a cluster says wrongly. Nothing is made where `Accepted` is false.
fn clusters() -> Vec<Row> {
    const INVALID: Wanted<'static> = Wanted("Accepted", false, "InvalidTemplate");
    const WORKER: &str = "/spec/worker/spec/containers/0";
    const SCHEDULER: &str = "/spec/scheduler/spec/containers/0";
    let port = |name: &str, port: i32| json!({"name": name, "port": port});
    let topology = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "NO T"}]}});
    vec![
        Row(
            "1abc",
            "/metadata/name",
            json!("1abc"),
            Wanted("Accepted", false, "InvalidName"),
            &["metadata.name", "1abc"],
        ),
        Row(
            "requests",
            WORKER,
            json!({"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}),
            INVALID,
            &["spec.worker.spec.containers[0].resources.requests", "must be less than or equal to cpu limit"],
        ),
        Row(
            "affinity",
            "/spec/worker/spec",
            json!({"affinity": topology}),
            INVALID,
            &["topologyKey", "NO T"],
        ),
        Row(
            "probe",
            SCHEDULER,
            json!({"livenessProbe": {"periodSeconds": 5}}),
            INVALID,
            &["spec.scheduler.spec.containers[0].livenessProbe", "must specify a handler type"],
        ),
        Row(
            "probe-port",
            WORKER,
            json!({"livenessProbe": {"tcpSocket": {"port": 0}}}),
            INVALID,
            &["spec.worker.spec.containers[0].livenessProbe.tcpSocket.port", "between 1 and 65535"],
        ),
        Row(
            "port-names",
            "/spec/scheduler/service/ports",
            json!([port("tcp-comm", 8786), port("tcp-comm", 8787)]),
            INVALID,
            &["spec.scheduler.service.ports[1].name", "Duplicate value"],
        ),
        Row(
            "label-key",
            "/spec/scheduler",
            json!({"metadata": {"labels": {"a b": "c"}}}),
            INVALID,
            &["spec.scheduler.metadata.labels", "a b"],
        ),
        Row(
            "typo",
            WORKER,
            json!({"resources": {"limit": {"cpu": "1"}}}),
            Wanted("SpecWarning", true, "UnknownField"),
            &["spec.worker.spec.containers[0].resources.limit", "check its spelling"],
        ),
        Row(
            "selector",
            "/spec/scheduler/service",
            json!({"selector": {"app": "x"}}),
            Wanted("SpecWarning", true, "Selector"),
            &["spec.scheduler.service.selector[app]", "use dask.org/cluster-name"],
        ),
        Row(
            "port-name",
            "/spec/scheduler/service/ports",
            json!([port("comm", 8786), port("http-dashboard", 8787)]),
            Wanted("SpecWarning", true, "Ports"),
            &["none is named \"tcp-comm\"", "8786"],
        ),
        Row(
            "env",
            WORKER,
            json!({"env": [{"name": "DASK_SCHEDULER_ADDRESS", "value": "x"}]}),
            Wanted("SpecWarning", true, "Environment"),
            &["spec.worker.spec.containers[0].env", "DASK_SCHEDULER_ADDRESS"],
        ),
        Row(
            "env-twice",
            WORKER,
            json!({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}),
            Wanted("SpecWarning", true, "Environment"),
            &["A is set twice"],
        ),
        Row(
            "label",
            "/spec/worker",
            json!({"metadata": {"labels": {"dask.org/component": "x"}}}),
            Wanted("SpecWarning", true, "Labels"),
            &["spec.worker.metadata.labels[dask.org/component]", "remove it"],
        ),
    ]
}

/// `manifest` with the value at this place; an object is merged into what is there.
fn with(manifest: &Value, path: &str, value: &Value) -> Result<Value> {
    let mut manifest = manifest.clone();
    let place = manifest.pointer_mut(path).with_context(|| path.to_string())?;
    match (place, value) {
        (Value::Object(place), Value::Object(more)) => {
            for (key, value) in more {
                place.insert(key.clone(), value.clone());
            }
        }
        (place, value) => *place = value.clone(),
    }
    Ok(manifest)
}

fn says(told: &Condition, words: &[&str]) -> Result<()> {
    let missing: Vec<_> = words.iter().filter(|w| !told.message.contains(**w)).collect();
    ensure!(missing.is_empty(), "{missing:?} is not in: {}", told.message);
    Ok(())
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn what_a_cluster_says_wrongly_is_told_soon_and_heals() -> Result<()> {
    test("told", async |space| {
        let rows = clusters();
        stream::iter(&rows)
            .map(|row| a_bad_cluster(&space, row))
            .buffer_unordered(3)
            .try_collect::<Vec<_>>()
            .await?;
        Ok(())
    })
    .await
}

async fn a_bad_cluster(space: &Space, Row(name, path, value, wanted, words): &Row) -> Result<()> {
    let good = manifest::cluster(name, 0)?;
    let dask = Dask::create(space, &with(&good, path, value)?).await.with_context(|| (*name).to_string())?;
    let told = dask.condition(*wanted, SOON).await.with_context(|| (*name).to_string())?;
    says(&told, words)?;
    space.events(name, &told.reason).await?;
    space.step(&format!("{name}: {}", told.message));
    if wanted.0 == "Accepted" {
        let phase = dask.cluster().await?.status.and_then(|s| s.phase);
        ensure!(phase == Some(Phase::Error), "{name}: {phase:?}");
        let made = space.kubectl(&["get", "deployments,services,daskworkergroups", "-o", "name"]).await?;
        ensure!(!made.contains(&format!("/{name}-")), "{name}: {made}");
    }
    if *path != "/metadata/name" {
        put_right(&dask, &good, wanted.0).await.with_context(|| format!("{name}, put right"))?;
    }
    space.kubectl(&["delete", "daskcluster", name, "--wait=false"]).await.map(drop)
}

/// Replaces the spec by a good one and waits until nothing is wrong with it.
async fn put_right(dask: &Dask, good: &Value, condition: &str) -> Result<()> {
    dask.space.replace_spec("daskcluster", &dask.name, &good["spec"]).await?;
    dask.condition(Wanted(condition, condition == "Accepted", ""), SOON).await?;
    until("it is made", SOON, async || {
        let phase = dask.cluster().await?.status.and_then(|s| s.phase);
        ensure!(phase == Some(Phase::Running), "{phase:?}");
        Ok(())
    })
    .await
}

/// What keeps workers from running, as a group's template says it; the word may be one of several.
fn groups() -> Result<Vec<Row>> {
    const POD: &str = "/spec/worker/spec";
    const CONTAINER: &str = "/spec/worker/spec/containers/0";
    let failing = |reason| Wanted("PodsFailing", true, reason);
    let container = &manifest::group("g", "c", 1)?["spec"]["worker"]["spec"]["containers"][0];
    let mounted = |mut volume: Value| {
        volume["name"] = json!("v");
        let mut container = container.clone();
        container["volumeMounts"] = json!([{"name": "v", "mountPath": "/v"}]);
        json!({"volumes": [volume], "containers": [container]})
    };
    Ok(vec![
        Row(
            "account",
            POD,
            json!({"serviceAccountName": "nobody"}),
            failing("CreateRejected"),
            &["serviceaccount \"nobody\" not found"],
        ),
        Row(
            "priority",
            POD,
            json!({"priorityClassName": "nobody"}),
            failing("CreateRejected"),
            &["no PriorityClass with name nobody was found"],
        ),
        Row(
            "configmap",
            POD,
            mounted(json!({"configMap": {"name": "nothing"}})),
            failing("FailedMount"),
            &["configmap \"nothing\" not found", "ConfigMaps"],
        ),
        Row(
            "claim",
            POD,
            mounted(json!({"persistentVolumeClaim": {"claimName": "nothing"}})),
            failing("Unschedulable"),
            &["persistentvolumeclaim \"nothing\" not found"],
        ),
        Row(
            "secret",
            CONTAINER,
            json!({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "nothing", "key": "k"}}}]}),
            failing("CreateContainerConfigError"),
            &["secret \"nothing\" not found"],
        ),
        Row(
            "image",
            CONTAINER,
            json!({"image": "localhost/UPPER:1"}),
            failing("InvalidImageName"),
            &["localhost/UPPER:1", "check the image's name"],
        ),
        Row(
            "probe",
            CONTAINER,
            json!({"readinessProbe": {"httpGet": {"path": "/", "port": 9}, "periodSeconds": 1}}),
            failing("Unhealthy"),
            &["Readiness probe failed", "probes"],
        ),
    ])
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn what_keeps_workers_from_running_is_told_soon_and_heals() -> Result<()> {
    test("kept", async |space| {
        let dask = Dask::start(&space, &manifest::cluster("c", 0)?).await?;
        let rows = groups()?;
        stream::iter(&rows)
            .map(|row| a_bad_group(&dask, row))
            .buffer_unordered(4)
            .try_collect::<Vec<_>>()
            .await?;
        Ok(())
    })
    .await
}

async fn a_bad_group(dask: &Dask, Row(name, path, value, wanted, words): &Row) -> Result<()> {
    let group = manifest::group(&format!("c-{name}"), "c", 1)?;
    let bad = with(&group, path, value)?;
    let made: DaskWorkerGroup = dask.space.create_object(&bad).await.with_context(|| (*name).to_string())?;
    // Kubernetes itself takes a few seconds to notice.
    let told = dask.group_condition(&made.name_any(), *wanted, SOON + secs(10)).await?;
    says(&told, words).with_context(|| (*name).to_string())?;
    dask.space.step(&format!("{name}: {}", told.message));
    dask.space.replace_spec("daskworkergroup", &made.name_any(), &group["spec"]).await?;
    // A pod that runs is not replaced for another template: a person deletes it.
    if *name == "probe" {
        let labels = format!("dask.org/workergroup-name={}", made.name_any());
        dask.space.kubectl(&["delete", "pod", "-l", &labels, "--wait=false"]).await?;
    }
    dask.group_settled(&made.name_any(), 1, START).await.with_context(|| format!("{name}, put right"))?;
    dask.group_condition(&made.name_any(), Wanted("PodsFailing", false, ""), secs(10)).await?;
    dask.space.kubectl(&["delete", "daskworkergroup", &made.name_any(), "--wait=false"]).await.map(drop)
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_scheduler_that_is_none_is_told() -> Result<()> {
    test("no-scheduler", async |space| {
        let manifest = manifest::cluster("c", 1)?;
        let bad = with(&manifest, "/spec/scheduler/spec/containers/0", &json!({"args": ["sleep", "600"]}))?;
        let dask = Dask::create(&space, &bad).await?;
        let told = dask.condition(Wanted("SchedulerReady", false, "Unhealthy"), SOON + secs(10)).await?;
        says(&told, &["Readiness probe failed", "probes"])
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_default_group_that_a_person_made_is_adopted() -> Result<()> {
    test("own-default", async |space| {
        let _: DaskWorkerGroup = space.create_object(&manifest::group("c-default", "c", 2)?).await?;
        let dask = Dask::create(&space, &manifest::cluster("c", 1)?).await?;
        dask.settled(2, START).await?;
        let group = dask.group("c-default").await?;
        ensure!(group.owner_references().iter().any(|o| o.kind == "DaskCluster"), "{:?}", group.metadata);
        until("the cluster counts it", secs(20), async || {
            find(&dask.cluster().await?.status.unwrap_or_default().conditions, Wanted("Ready", true, ""))
        })
        .await
        .map(drop)
    })
    .await
}
