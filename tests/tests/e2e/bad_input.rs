//! Bad input: a condition and an event that a person can act on; put right, all is well without a restart.

use anyhow::{Context, Result, ensure};
use dask_crds::{DaskAutoscaler, DaskWorkerGroup, Phase};
use dask_operator_tests::{
    dask::{Dask, START, Wanted, find},
    manifest,
    namespace::{Space, test},
    wait::{secs, throughout, until},
};
use kube::ResourceExt;
use serde_json::{Value, json};

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn an_invalid_name_is_told_and_others_go_on() -> Result<()> {
    test("names", async |space| {
        for name in ["with.dots", &"a".repeat(54)] {
            let bad = Dask::create(&space, &manifest::cluster(name, 1)?).await?;
            let told = bad.condition(Wanted("Ready", false, "InvalidName"), secs(20)).await?;
            ensure!(told.message.contains("at most 53 characters"), "{}", told.message);
            let phase = bad.cluster().await?.status.and_then(|s| s.phase);
            ensure!(phase == Some(Phase::Error), "{phase:?}");
            space.events(name, "InvalidName").await?;
        }
        let good = Dask::start(&space, &manifest::cluster("good", 1)?).await?;
        ensure!(good.cluster().await?.status.and_then(|s| s.phase) == Some(Phase::Running));
        let made = space.kubectl(&["get", "deployments,services,daskworkergroups", "-o", "name"]).await?;
        ensure!(made.lines().count() == 3 && made.lines().all(|l| l.contains("/good-")), "{made}");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn group_and_autoscaler_wait_for_their_cluster() -> Result<()> {
    test("missing", async |space| {
        let _: DaskWorkerGroup = space.create_object(&manifest::group("extra", "later", 1)?).await?;
        let _: DaskAutoscaler = space.create_object(&manifest::autoscaler("a", "later", 1, 1)).await?;
        let dask = Dask { space: space.clone(), name: "later".into() };
        let told = dask.group_condition("extra", Wanted("Ready", false, "ClusterNotFound"), secs(20)).await?;
        ensure!(told.message.contains("later"), "{}", told.message);
        dask.autoscaler_condition("a", Wanted("Active", false, "ClusterNotFound"), secs(30)).await?;
        for name in ["a", "extra"] {
            space.events(name, "ClusterNotFound").await?;
        }
        ensure!(dask.pods("extra").await?.is_empty());
        space.create_object::<dask_crds::DaskCluster>(&manifest::cluster("later", 0)?).await?;
        dask.group_settled("extra", 1, START).await?;
        dask.autoscaler_condition("a", Wanted("Active", true, ""), secs(30)).await?;
        dask.group_condition("extra", Wanted("Ready", true, ""), secs(20)).await.map(drop)
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_minimum_above_the_maximum_is_refused_with_our_words() -> Result<()> {
    test("bounds", async |space| {
        let refused = space.apply(&manifest::autoscaler("a", "c", 5, 2)).await;
        let words = format!("{:#}", refused.err().context("it was accepted")?);
        ensure!(words.contains("spec.minimum must not exceed spec.maximum"), "{words}");
        space.apply(&manifest::autoscaler("a", "c", 2, 5)).await.map(drop)
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_scheduler_that_cannot_be_pulled_is_told_and_heals() -> Result<()> {
    test("pull", async |space| {
        let good = manifest::cluster("c", 1)?;
        let mut bad = good.clone();
        bad["spec"]["scheduler"]["spec"]["containers"][0]["image"] = json!("localhost/no-such-image:1");
        broken_scheduler(&space, &bad, &["ErrImagePull", "ImagePullBackOff"]).await?;
        heal_scheduler(&space, &good).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_scheduler_that_crashes_is_told_and_heals() -> Result<()> {
    test("crash", async |space| {
        let good = manifest::cluster("c", 1)?;
        let mut bad = good.clone();
        bad["spec"]["scheduler"]["spec"]["containers"][0]["args"] = json!(["false"]);
        broken_scheduler(&space, &bad, &["CrashLoopBackOff"]).await?;
        heal_scheduler(&space, &good).await
    })
    .await
}

/// Creates a cluster whose scheduler never comes up, and finds the reason where a person looks.
async fn broken_scheduler(space: &Space, manifest: &Value, reasons: &[&str]) -> Result<()> {
    let dask = Dask::create(space, manifest).await?;
    let told = until("the condition tells why", secs(60), async || {
        let told = find(
            &dask.cluster().await?.status.unwrap_or_default().conditions,
            Wanted("SchedulerReady", false, ""),
        )?;
        ensure!(reasons.contains(&told.reason.as_str()), "{told:?}");
        Ok(told)
    })
    .await?;
    space.events("c", &told.reason).await?;
    // dask-kubernetes' meaning of the phase: the parts exist.
    until("the parts exist", secs(10), async || {
        let phase = dask.cluster().await?.status.and_then(|s| s.phase);
        ensure!(phase == Some(Phase::Running), "the phase is {phase:?}");
        Ok(())
    })
    .await?;
    space.step(&format!("{}: {}", told.reason, told.message));
    Ok(())
}

/// Puts the scheduler's template right and does what the condition then says.
async fn heal_scheduler(space: &Space, good: &Value) -> Result<()> {
    let dask = Dask { space: space.clone(), name: "c".into() };
    space.patch("daskcluster", "c", &json!({"spec": {"scheduler": good["spec"]["scheduler"]}})).await?;
    dask.condition(Wanted("SchedulerUpdatePending", true, ""), secs(20)).await?;
    space.kubectl(&["delete", "deployment", "c-scheduler"]).await?;
    dask.settled(1, START).await?;
    dask.condition(Wanted("Ready", true, ""), secs(20)).await?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn workers_that_find_no_node_are_told_and_heal() -> Result<()> {
    test("unschedulable", async |space| {
        let mut manifest = manifest::cluster("c", 2)?;
        manifest["spec"]["worker"]["spec"]["nodeSelector"] = json!({"nobody": "has-this"});
        let dask = Dask::create(&space, &manifest).await?;
        let told =
            dask.group_condition("c-default", Wanted("PodsFailing", true, "Unschedulable"), secs(30)).await?;
        ensure!(told.message.contains("nodeSelector"), "{}", told.message);
        space.events("c-default", "Unschedulable").await?;
        dask.condition(Wanted("WorkersReady", false, "Unschedulable"), secs(10)).await?;
        let names = async || -> Result<Vec<String>> {
            Ok(dask.pods("c-default").await?.iter().map(ResourceExt::name_any).collect())
        };
        let before = names().await?;
        ensure!(before.len() == 2, "{before:?}");
        throughout("the pods wait, no more are made", secs(5), async || {
            ensure!(names().await? == before, "{:?}", names().await?);
            Ok(())
        })
        .await?;
        let right = json!({"spec": {"worker": {"spec": {"nodeSelector": null}}}});
        space.patch("daskcluster", "c", &right).await?;
        space.step("the template was put right");
        dask.settled(2, START).await?;
        dask.group_condition("c-default", Wanted("PodsFailing", false, ""), secs(10)).await.map(drop)
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn workers_that_crash_are_told_slowed_down_and_heal() -> Result<()> {
    test("workers", async |space| {
        let good = manifest::cluster("c", 2)?;
        let mut bad = good.clone();
        bad["spec"]["worker"]["spec"]["containers"][0]["args"] = json!(["false"]);
        bad["spec"]["worker"]["spec"]["restartPolicy"] = json!("Never");
        let dask = Dask::create(&space, &bad).await?;
        dask.group_condition("c-default", Wanted("PodsFailing", true, ""), secs(60)).await?;
        until("rounds are counted", secs(60), async || {
            let failures = dask.group("c-default").await?.status.and_then(|s| s.failures).unwrap_or(0);
            ensure!(failures >= 3, "{failures} rounds");
            Ok(())
        })
        .await?;
        let reserved = async || -> Result<i64> {
            let status = dask.group("c-default").await?.status.unwrap_or_default();
            Ok(status.reserved_pod_numbers.unwrap_or(0))
        };
        ensure!(reserved().await? <= 16, "{} numbers are used up", reserved().await?);
        let worker = &good["spec"]["worker"]["spec"]["containers"];
        let right = json!({"spec": {"worker": {"spec": {"containers": worker, "restartPolicy": null}}}});
        space.patch("daskcluster", "c", &right).await?;
        space.step("the template was put right");
        dask.settled(2, START).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn keys_of_the_operator_in_a_template_are_told_and_mark_no_pod() -> Result<()> {
    test("reserved", async |space| {
        let mut manifest = manifest::cluster("c", 1)?;
        let annotations = json!({"annotations": {"kubernetes.dask.org/retiring": "x"}});
        manifest["spec"]["worker"]["metadata"] = annotations;
        let dask = Dask::start(&space, &manifest).await?;
        let told =
            dask.group_condition("c-default", Wanted("SpecWarning", true, "ReservedKey"), secs(20)).await?;
        let path = "spec.worker.metadata.annotations[kubernetes.dask.org/retiring]";
        ensure!(told.message.contains(path), "{}", told.message);
        let names = async || -> Result<Vec<String>> {
            Ok(dask.pods("c-default").await?.iter().map(ResourceExt::name_any).collect())
        };
        let before = names().await?;
        ensure!(before.len() == 1, "{before:?}");
        throughout("its one pod stays", secs(5), async || {
            ensure!(names().await? == before, "{:?}", names().await?);
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn what_is_odd_about_a_workers_command_line_is_told() -> Result<()> {
    test("lines", async |space| {
        let mut manifest = manifest::cluster("c", 1)?;
        manifest["spec"]["worker"]["spec"]["containers"][0]["args"] = json!(["role-of-a-worker"]);
        let dask = Dask::create(&space, &manifest).await?;
        let wanted = Wanted("WorkerAgent", false, "EntryPointUnknown");
        let told = dask.group_condition("c-default", wanted, secs(30)).await?;
        ensure!(told.message.contains("containers[0].args[0] \"role-of-a-worker\""), "{}", told.message);
        manifest["spec"]["worker"]["spec"]["containers"][0]["args"] =
            json!(["dask", "worker", "tcp://c-service:8786"]);
        space.replace_spec("daskcluster", "c", &manifest["spec"]).await?;
        let told =
            dask.group_condition("c-default", Wanted("SpecWarning", true, "Address"), secs(30)).await?;
        ensure!(told.message.contains("write c-scheduler in its place"), "{}", told.message);
        Ok(())
    })
    .await
}
