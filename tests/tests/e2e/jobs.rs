//! Jobs that do not go as they should: each ends, and says why.

use anyhow::{Context, Result, ensure};
use dask_crds::{DaskCluster, DaskJob, JobStatus};
use dask_operator_tests::{
    dask::START,
    manifest,
    namespace::{Space, test},
    wait::{secs, throughout, until},
};
use k8s_openapi::api::core::v1::Pod;
use kube::{ResourceExt, api::DeleteParams};
use serde_json::{Value, json};

/// Waits for the end of job `j`, and that no cluster is left of it; answers its reason and message.
async fn end(space: &Space, wanted: JobStatus) -> Result<(String, String)> {
    let job = until(&format!("{wanted:?}"), START, async || {
        let job: DaskJob = space.api().get("j").await?;
        let status = job.status.as_ref().and_then(|s| s.job_status);
        ensure!(status == Some(wanted), "{status:?}");
        let cluster = space.api::<DaskCluster>().get_opt("j").await?;
        ensure!(cluster.is_none_or(|c| c.metadata.deletion_timestamp.is_some()), "its cluster is there");
        Ok(job)
    })
    .await?;
    let outcome = job.annotations().get("kubernetes.dask.org/outcome").context("no outcome")?;
    let outcome: Value = serde_json::from_str(outcome)?;
    let text = |key: &str| outcome[key].as_str().unwrap_or_default().to_string();
    space.step(&format!("{}: {}", text("reason"), text("message")));
    let told = space.events("j", &text("reason")).await?;
    let line = if wanted == JobStatus::Failed { "Job failed" } else { "Job succeeded" };
    ensure!(told.iter().any(|t| t.starts_with(&format!("{line}, deleting Dask cluster."))), "{told:?}");
    Ok((text("reason"), text("message")))
}

async fn running(space: &Space) -> Result<()> {
    until("the job runs", START, async || {
        let job: DaskJob = space.api().get("j").await?;
        let status = job.status.and_then(|s| s.job_status);
        ensure!(status == Some(JobStatus::Running), "{status:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_runner_that_never_starts_fails_the_job() -> Result<()> {
    test("never-starts", async |space| {
        let mut job = manifest::job("j", &["true"])?;
        job["spec"]["job"]["startTimeout"] = json!(15);
        job["spec"]["job"]["spec"]["containers"][0]["image"] = json!("localhost/no-such-image:1");
        space.apply(&job).await?;
        let (reason, message) = end(&space, JobStatus::Failed).await?;
        ensure!(reason == "NeverStarted" && message.contains("no-such-image"), "{message}");
        let keys = space.kubectl(&["get", "daskjob", "j", "-o", "jsonpath={.status}"]).await?;
        let status: Value = serde_json::from_str(&keys)?;
        ensure!(status.as_object().is_some_and(|s| s.len() == 5), "{status}");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_deleted_runner_fails_the_job() -> Result<()> {
    test("runner-deleted", async |space| {
        space.apply(&manifest::job("j", &["sleep", "600"])?).await?;
        running(&space).await?;
        space.api::<Pod>().delete("j-runner", &DeleteParams::default().grace_period(1)).await?;
        let (reason, _) = end(&space, JobStatus::Failed).await?;
        ensure!(["RunnerDeleted", "Error"].contains(&reason.as_str()), "{reason}");
        let gone = async || {
            ensure!(space.api::<Pod>().get_opt("j-runner").await?.is_none(), "it is there");
            Ok(())
        };
        until("the runner is gone", secs(30), gone).await?;
        throughout("a program is not run twice", secs(3), gone).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_job_without_its_cluster_fails() -> Result<()> {
    test("cluster-deleted", async |space| {
        space.apply(&manifest::job("j", &["sleep", "600"])?).await?;
        running(&space).await?;
        space.kubectl(&["delete", "daskcluster", "j", "--wait=false"]).await?;
        let (reason, _) = end(&space, JobStatus::Failed).await?;
        ensure!(reason == "ClusterDeleted", "{reason}");
        until("its program ends", secs(30), async || {
            let phase = space.api::<Pod>().get("j-runner").await?.status.and_then(|s| s.phase);
            ensure!(phase.as_deref() == Some("Failed"), "{phase:?}");
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_sidecar_does_not_keep_a_job_running() -> Result<()> {
    test("sidecar", async |space| {
        let mut job = manifest::job("j", &["sleep", "2"])?;
        let containers = &mut job["spec"]["job"]["spec"]["containers"];
        let mut sidecar = containers[0].clone();
        (sidecar["name"], sidecar["args"]) = (json!("sidecar"), json!(["sleep", "600"]));
        containers.as_array_mut().context("containers")?.push(sidecar);
        space.apply(&job).await?;
        end(&space, JobStatus::Successful).await?;
        until("the sidecar ends, the pod stays", secs(30), async || {
            let phase = space.api::<Pod>().get("j-runner").await?.status.and_then(|s| s.phase);
            ensure!(phase.as_deref() == Some("Failed") || phase.as_deref() == Some("Succeeded"), "{phase:?}");
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn what_cannot_be_made_fails_before_anything_is_made() -> Result<()> {
    test("half-made", async |space| {
        let mut job = manifest::job("j", &["true"])?;
        job["spec"]["cluster"]["spec"]["worker"]["spec"]["containers"][0]["resources"] =
            json!({"requests": {"cpu": "2"}, "limits": {"cpu": "1"}});
        space.apply(&job).await?;
        let (reason, message) = end(&space, JobStatus::Failed).await?;
        let path = "spec.cluster.spec.worker.spec.containers[0].resources.requests";
        ensure!(reason == "InvalidTemplate" && message.contains(path), "{message}");
        let rest = space.kubectl(&["get", "daskclusters,deployments,services,pods", "-o", "name"]).await?;
        ensure!(rest.is_empty(), "{rest}");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_name_that_no_cluster_may_have_fails_the_job() -> Result<()> {
    test("job-name", async |space| {
        let name = "j".repeat(54);
        space.apply(&manifest::job(&name, &["true"])?).await?;
        until("it failed", secs(30), async || {
            let job: DaskJob = space.api().get(&name).await?;
            let status = job.status.and_then(|s| s.job_status);
            ensure!(status == Some(JobStatus::Failed), "{status:?}");
            Ok(())
        })
        .await?;
        let told = space.events(&name, "InvalidName").await?;
        ensure!(told.iter().any(|t| t.contains("metadata.name")), "{told:?}");
        let rest = space.kubectl(&["get", "daskclusters,pods", "-o", "name"]).await?;
        ensure!(rest.is_empty(), "{rest}");
        Ok(())
    })
    .await
}
