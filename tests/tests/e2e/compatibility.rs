//! What was written for dask-kubernetes: the table of `dask_operator_tests::compat` against a real API server.

use anyhow::{Context, Result, bail, ensure};
use dask_crds::{DaskCluster, DaskJob, DaskWorkerGroup, JobStatus, Phase};
use dask_operator_tests::{
    compat::{self, Expected},
    dask::{Dask, START},
    driver::Driver,
    kubectl, manifest,
    namespace::{Space, test},
    settings,
    wait::{secs, until},
};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    ResourceExt,
    api::{ListParams, WatchEvent, WatchParams},
};
use serde_json::{Value, json};
use tokio::{process::Command, time::timeout};

/// Longest time for a job from its manifest to its end.
const JOB: std::time::Duration = secs(180);

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn every_fixture_is_accepted() -> Result<()> {
    test("fixtures", async |space| {
        for (row, path) in compat::objects() {
            let object = manifest::runnable(&path)?;
            let strict = dry_run(&space, &object, "strict").await;
            match row.expected {
                Expected::AcceptedWithWarning(words) => {
                    let refused = strict.err().with_context(|| format!("{}: nothing to warn of", row.id))?;
                    ensure!(format!("{refused:#}").contains(words), "{}: {refused:#}", row.id);
                    dry_run(&space, &object, "warn").await.with_context(|| row.id)?;
                }
                _ => strict.with_context(|| row.id).map(drop)?,
            }
        }
        Ok(())
    })
    .await
}

async fn dry_run(space: &Space, object: &Value, validate: &str) -> Result<String> {
    let how = format!("--validate={validate}");
    let args = ["-n", &space.name, "create", "--dry-run=server", &how, "-f", "-"];
    kubectl::with_input(&args, &object.to_string()).await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn each_client_still_writes_what_is_written_down() -> Result<()> {
    test("recorded", async |space| {
        let recorded = settings::repository().join(compat::FIXTURES).join("kube-cluster");
        for python in ["E2E_CLIENT_PYTHON", "E2E_CLIENT_PYTHON_2025", "E2E_CLIENT_PYTHON_2024"] {
            let now = std::env::temp_dir().join(format!("{}-{python}", space.name));
            std::fs::create_dir_all(&now)?;
            let program = settings::repository().join(compat::FIXTURES).join("record.py");
            let said = Command::new(settings::variable(python)?).arg(program).arg(&now).output().await?;
            let same = Command::new("diff").arg("-r").args([&recorded, &now]).output().await?;
            std::fs::remove_dir_all(&now)?;
            let errors = String::from_utf8_lossy(&said.stderr).into_owned();
            ensure!(same.status.success(), "{python}: {errors}{}", String::from_utf8_lossy(&same.stdout));
        }
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn the_documentations_cluster_runs_and_computes() -> Result<()> {
    test("documented", async |space| {
        let dask = apply_cluster(&space, "documentation/cluster.yaml").await?;
        dask.settled(2, START).await?;
        let status = dask.cluster().await?.status.unwrap_or_default();
        ensure!(status.phase == Some(Phase::Running), "{:?}", status.phase);
        let mut client = Driver::connect(&status.scheduler_address.context("no address")?).await?;
        client.tell("compute 20 0.01").await?;
        client.nothing_was_lost().await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn the_cluster_and_group_of_their_tests_run() -> Result<()> {
    test("simple", async |space| {
        let dask = apply_cluster(&space, "upstream-tests/simplecluster.yaml").await?;
        space.apply(&fixture("upstream-tests/simpleworkergroup.yaml")?).await?;
        until("three workers", START, async || {
            let workers = dask.identity().await?.workers.len();
            ensure!(workers == 3, "{workers} workers");
            Ok(())
        })
        .await?;
        for (pod, first) in [
            (dask.scheduler_pod().await?, "SCHEDULER_ENV"),
            (a_pod(&dask, "simple-default").await?, "WORKER_ENV"),
        ] {
            let env = &json!(pod.spec)["containers"][0]["env"];
            ensure!(env[0]["name"] == first, "{env}");
            let inherited =
                pod.annotations().keys().find(|k| k.starts_with("kopf") || k.starts_with("kubectl"));
            ensure!(inherited.is_none() && pod.labels().contains_key("test-label"), "{:?}", pod.metadata);
        }
        let env = json!(a_pod(&dask, "simple-additional").await?.spec)["containers"][0]["env"].clone();
        let names = env.as_array().into_iter().flatten().filter(|v| v["name"] == "DASK_WORKER_NAME");
        ensure!(names.map(|v| &v["value"]).eq([&json!("test-worker")]), "{env}");
        // Their test counts the groups that its cluster lists.
        let params = ListParams::default().labels("dask.org/cluster-name=simple");
        let groups = space.api::<DaskWorkerGroup>().list(&params).await?.items;
        ensure!(groups.iter().map(ResourceExt::name_any).eq(["simple-default"]));
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_cluster_left_behind_is_taken_over() -> Result<()> {
    test("left-behind", async |space| {
        let dask = apply_cluster(&space, "left-behind/cluster.yaml").await?;
        until("it runs, and nothing holds it", secs(30), async || {
            let cluster = dask.cluster().await?;
            ensure!(cluster.finalizers().is_empty(), "{:?}", cluster.finalizers());
            let phase = cluster.status.and_then(|s| s.phase);
            ensure!(phase == Some(Phase::Running), "{phase:?}");
            Ok(())
        })
        .await
    })
    .await
}

async fn a_pod(dask: &Dask, group: &str) -> Result<Pod> {
    dask.pods(group).await?.into_iter().next().with_context(|| format!("{group} has no pod"))
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn the_job_of_their_tests_succeeds() -> Result<()> {
    test("simplejob", async |space| {
        job_ends(&space, "upstream-tests/simplejob.yaml", JobStatus::Successful, async |_| Ok(())).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn the_job_of_their_tests_fails() -> Result<()> {
    test("failedjob", async |space| {
        job_ends(&space, "upstream-tests/failedjob.yaml", JobStatus::Failed, async |_| Ok(())).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn flytes_job_succeeds_and_has_what_flyte_reads() -> Result<()> {
    test("flyte", async |space| {
        job_ends(&space, "flyte/daskjob.json", JobStatus::Successful, async |job| {
            as_flyte_looks(&space, job).await
        })
        .await
    })
    .await
}

/// What Flyte looks for while a job runs.
async fn as_flyte_looks(space: &Space, job: &DaskJob) -> Result<()> {
    let name = job.name_any();
    let runner = job.status.as_ref().and_then(|s| s.job_runner_pod_name.clone()).context("no runner")?;
    let containers = json!(space.api::<Pod>().get(&runner).await?.spec)["containers"].clone();
    ensure!(containers[0]["name"] == "job-runner", "{containers}");
    let pods = space.api::<Pod>().list(&ListParams::default()).await?.items;
    let scheduler = |pod: &&Pod| pod.name_any().starts_with(&name) && pod.name_any().contains("scheduler");
    let found = pods.iter().filter(scheduler).count();
    ensure!(found == 1, "{found} pods look like the scheduler's");
    Ok(())
}

fn fixture(file: &str) -> Result<Value> {
    manifest::runnable(&format!("{}/{file}", compat::FIXTURES))
}

async fn apply_cluster(space: &Space, file: &str) -> Result<Dask> {
    let manifest = fixture(file)?;
    space.apply(&manifest).await?;
    let name = manifest["metadata"]["name"].as_str().context("name")?.to_string();
    Ok(Dask { space: space.clone(), name })
}

/// Applies a job and sees it go all its way to this end.
async fn job_ends(
    space: &Space,
    file: &str,
    end: JobStatus,
    while_running: impl AsyncFnOnce(&DaskJob) -> Result<()>,
) -> Result<()> {
    let manifest = fixture(file)?;
    let name = manifest["metadata"]["name"].as_str().context("name")?;
    let (way, said) = tokio::join!(way(space, name, end, while_running), space.apply(&manifest));
    said?;
    let wanted = [JobStatus::JobCreated, JobStatus::ClusterCreated, JobStatus::Running, end];
    let way = way?;
    ensure!(way == wanted, "{way:?}");
    space.step(&format!("{way:?}"));

    let job: Value = serde_json::from_str(&space.kubectl(&["get", "daskjob", name, "-o", "json"]).await?)?;
    let status = job["status"].as_object().context("no status")?;
    let keys: Vec<&str> = status.keys().map(String::as_str).collect();
    ensure!(keys == ["clusterName", "endTime", "jobRunnerPodName", "jobStatus", "startTime"], "{status:?}");
    ensure!(status.values().all(Value::is_string), "{status:?}");
    ensure!(
        status["clusterName"] == name && status["jobRunnerPodName"] == format!("{name}-runner"),
        "{status:?}"
    );
    only_the_runner_stays(space, name, end).await
}

/// What `status.jobStatus` was, until it is `end`; does something while the job runs.
async fn way(
    space: &Space,
    name: &str,
    end: JobStatus,
    while_running: impl AsyncFnOnce(&DaskJob) -> Result<()>,
) -> Result<Vec<JobStatus>> {
    let mut way = Vec::new();
    let mut while_running = Some(while_running);
    let params = WatchParams::default().fields(&format!("metadata.name={name}"));
    let mut changes = space.api::<DaskJob>().watch(&params, "0").await?.boxed();
    while way.last() != Some(&end) {
        let change = timeout(JOB, changes.next()).await.with_context(|| format!("{way:?}"))?;
        let job = match change.context("the watch ended")?? {
            WatchEvent::Added(job) | WatchEvent::Modified(job) => job,
            WatchEvent::Deleted(_) => bail!("the job is gone after {way:?}"),
            _ => continue,
        };
        let Some(status) = job.status.as_ref().and_then(|s| s.job_status) else { continue };
        if way.last() != Some(&status) {
            way.push(status);
            if status == JobStatus::Running
                && let Some(act) = while_running.take()
            {
                act(&job).await?;
            }
        }
    }
    Ok(way)
}

async fn only_the_runner_stays(space: &Space, name: &str, end: JobStatus) -> Result<()> {
    let runner = format!("{name}-runner");
    until("only the runner stays", secs(60), async || {
        let clusters = space.api::<DaskCluster>().list(&ListParams::default()).await?.items.len();
        let rest =
            space.kubectl(&["get", "daskworkergroups,deployments,services,pods", "-o", "name"]).await?;
        ensure!(clusters == 0 && rest.trim() == format!("pod/{runner}"), "{clusters} clusters, {rest}");
        Ok(())
    })
    .await?;
    let wanted = if end == JobStatus::Successful { "Succeeded" } else { "Failed" };
    // A kubelet tells of the container's end first, and of the pod's when all of it is cleaned up.
    until("the runner's pod is over", secs(60), async || {
        let phase = space.api::<Pod>().get(&runner).await?.status.and_then(|s| s.phase);
        ensure!(phase.as_deref() == Some(wanted), "{phase:?}");
        Ok(())
    })
    .await
}
