//! All workers have to go at once: they wait for those that come in their place.

use anyhow::{Result, ensure};
use dask_operator_tests::{
    dask::{Dask, START},
    manifest,
    namespace::test,
    wait::{secs, until},
};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::json;

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn two_are_evicted_at_once_and_a_third_takes_all() -> Result<()> {
    test("agent-all", async |space| {
        let mut cluster = manifest::cluster("c", 2)?;
        cluster["spec"]["worker"]["spec"]["terminationGracePeriodSeconds"] = json!(90);
        let dask = Dask::start(&space, &cluster).await?;
        let mut client = dask.driver().await?;
        client.tell("scatter 8 1000").await?;
        client.tell("compute 8 0.01").await?;
        client.tell("wait").await?;
        let pods = space.api::<Pod>();
        let names: Vec<String> = dask.pods("c-default").await?.iter().map(ResourceExt::name_any).collect();
        for name in &names {
            space.evict(name).await?;
        }
        until("both are gone", secs(100), async || {
            for name in &names {
                ensure!(pods.get_opt(name).await?.is_none(), "{name} is still there");
            }
            Ok(())
        })
        .await?;
        client.nothing_was_lost().await?;
        dask.settled(2, START).await
    })
    .await
}
