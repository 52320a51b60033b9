//! Trouble from outside: quotas, lost nodes, an API server that is away, a namespace with strict rules.

use anyhow::{Result, ensure};
use dask_operator_tests::{
    dask::{Dask, START, Wanted},
    manifest,
    namespace::test,
    wait::{secs, throughout, until},
};
use k8s_openapi::api::core::v1::{Node, Pod, ResourceQuota};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, PostParams},
};
use serde_json::json;

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_quota_lets_the_scheduler_first_and_all_when_it_is_raised() -> Result<()> {
    test("quota", async |space| {
        let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"},
            "spec": {"hard": {"pods": "2"}}});
        let _: ResourceQuota = space.create_object(&quota).await?;
        let dask = Dask::create(&space, &manifest::cluster("c", 3)?).await?;
        let told = dask
            .group_condition("c-default", Wanted("PodsFailing", true, "CreateRejected"), secs(30))
            .await?;
        ensure!(told.message.contains("exceeded quota"), "{}", told.message);
        space.events("c-default", "CreateRejected").await?;
        dask.condition(Wanted("SchedulerReady", true, ""), START).await?;
        let pods = dask.pods("c-default").await?.len();
        ensure!(pods == 1, "{pods} workers beside the scheduler");
        space.patch("resourcequota", "q", &json!({"spec": {"hard": {"pods": "10"}}})).await?;
        dask.settled(3, START).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn workers_of_a_lost_node_are_replaced_in_half_a_minute() -> Result<()> {
    test("lost-node", async |space| {
        // A node that never was: no kubelet reports for it.
        let name = format!("ghost-{}", space.name);
        let nodes: Api<Node> = Api::all(space.client.clone());
        let node = json!({"metadata": {"name": name}, "spec": {"taints": [{"key": "ghost", "effect": "NoSchedule"}]}});
        nodes.create(&PostParams::default(), &serde_json::from_value(node)?).await?;
        let result = lost_node(&space, &name).await;
        nodes.delete(&name, &DeleteParams::default()).await?;
        result
    })
    .await
}

async fn lost_node(space: &dask_operator_tests::namespace::Space, node: &str) -> Result<()> {
    let mut manifest = manifest::cluster("c", 1)?;
    manifest["spec"]["worker"]["spec"]["nodeName"] = json!(node);
    let dask = Dask::create(space, &manifest).await?;
    let first = until("a worker on it", secs(60), async || {
        let pods = dask.pods("c-default").await?;
        ensure!(pods.len() == 1, "{} pods", pods.len());
        Ok(pods[0].clone())
    })
    .await?;
    let tolerations = &json!(first.spec)["tolerations"];
    let quick = tolerations.as_array().into_iter().flatten().filter(|t| t["tolerationSeconds"] == 30).count();
    ensure!(quick == 2, "{tolerations}");
    // Its kubelet is not there; after 40 s Kubernetes notices, and 30 s later the pods go.
    until("another worker takes its place", secs(150), async || {
        let pods = dask.pods("c-default").await?;
        ensure!(pods.len() == 1 && pods[0].uid() != first.uid(), "{} pods", pods.len());
        Ok(())
    })
    .await?;
    let none = DeleteParams::default().grace_period(0);
    space.api::<Pod>().delete_collection(&none, &kube::api::ListParams::default()).await.map(drop)?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn examples_pass_the_restricted_standard() -> Result<()> {
    test("restricted", async |space| {
        let label = "pod-security.kubernetes.io/enforce=restricted";
        dask_operator_tests::kubectl::run(&["label", "namespace", &space.name, label]).await?;
        let mut bad = manifest::cluster("bad", 1)?;
        bad["spec"]["worker"]["spec"]["securityContext"] = json!({"runAsUser": 0});
        let bad = Dask::create(&space, &bad).await?;
        let told = bad.condition(Wanted("SchedulerReady", false, ""), secs(30)).await?;
        until("the rule is named", secs(30), async || {
            let told = bad.condition(Wanted("SchedulerReady", false, ""), secs(5)).await?;
            ensure!(told.message.contains("violates PodSecurity"), "{}", told.message);
            Ok(())
        })
        .await?;
        space.step(&told.message);
        space.kubectl(&["delete", "daskcluster", "bad", "--wait=false"]).await?;
        space.apply(&manifest::example("cluster.yaml")?).await?;
        let dask = Dask { space: space.clone(), name: "example".into() };
        dask.condition(Wanted("Ready", true, ""), START).await?;
        space.apply(&manifest::example("job.yaml")?).await?;
        until("the example's job succeeds", START, async || {
            let status = space
                .kubectl(&["get", "daskjob", "example-job", "-o", "jsonpath={.status.jobStatus}"])
                .await?;
            ensure!(status == "Successful", "{status}");
            Ok(())
        })
        .await?;
        let tokens = space
            .kubectl(&[
                "get",
                "pods",
                "-l",
                "dask.org/component in (worker,scheduler)",
                "-o",
                "jsonpath={.items[*].spec.automountServiceAccountToken}",
            ])
            .await?;
        ensure!(!tokens.contains("true") && tokens.contains("false"), "{tokens}");
        throughout("it stays", secs(2), async || {
            dask.condition(Wanted("Ready", true, ""), secs(5)).await.map(drop)
        })
        .await
    })
    .await
}
