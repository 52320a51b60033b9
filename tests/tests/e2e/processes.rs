//! Several worker processes in a pod: the pod is the unit.

use anyhow::{Result, ensure};
use dask_operator_tests::{
    dask::{Dask, LEAVE, START, is_ready},
    manifest,
    namespace::test,
    wait::{secs, until},
};
use serde_json::json;

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn all_processes_of_a_pod_leave_together_and_count_as_one_pod() -> Result<()> {
    test("processes", async |space| {
        let mut manifest = manifest::cluster("c", 2)?;
        let container = &mut manifest["spec"]["worker"]["spec"]["containers"][0];
        let command =
            ["dask", "worker", "--name", "$(DASK_WORKER_NAME)", "--nworkers", "2", "--nthreads", "1"];
        container["args"] =
            json!(command.iter().chain(&["--no-dashboard", "--memory-limit", "200MiB"]).collect::<Vec<_>>());
        container["resources"] = json!({"requests": {"cpu": "50m", "memory": "256Mi"}});
        let dask = Dask::create(&space, &manifest).await?;
        let processes = async |pods: usize, limit| {
            until(&format!("{pods} pods with two processes each"), limit, async || {
                let ready = dask.pods("c-default").await?.iter().filter(|p| is_ready(p)).count();
                let registered = dask.identity().await?.workers.len();
                ensure!((ready, registered) == (pods, 2 * pods), "{ready} pods, {registered} processes");
                Ok(())
            })
            .await
        };
        processes(2, START).await?;
        let mut client = dask.driver().await?;
        client.tell("scatter 8 100000").await?;
        client.tell("compute 8 0.1").await?;
        client.tell("wait").await?;
        dask.scale_group("c-default", 1).await?;
        processes(1, LEAVE).await?;
        client.nothing_was_lost().await?;

        // Eight tasks of long duration keep eight processes busy: four pods.
        client.tell("release").await?;
        space.apply(&manifest::autoscaler("a", "c", 0, 9)).await?;
        client.tell("gated 40 gate").await?;
        until("the target is counted in pods", secs(60), async || {
            let text = space
                .kubectl(&["get", "daskautoscaler", "a", "-o", "jsonpath={.status.target} {.status.desired}"])
                .await?;
            let (target, desired) = text.split_once(' ').unwrap_or_default();
            let (target, desired): (usize, usize) = (target.parse()?, desired.parse()?);
            ensure!(target > 2 && desired == target.div_ceil(2).min(9), "target {target}, desired {desired}");
            Ok(())
        })
        .await?;
        client.tell("open gate").await.map(drop)
    })
    .await
}
