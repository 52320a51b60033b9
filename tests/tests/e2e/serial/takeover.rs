//! dask-kubernetes' own operator makes clusters and a job; this one takes them over under load, by the commands of
//! `docs/migrating.md`. It changes the definitions of all kinds, so nothing else runs meanwhile.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Stdio};

use anyhow::{Context, Result, ensure};
use dask_crds::{DaskCluster, DaskJob, DaskWorkerGroup, JobStatus};
use dask_operator_tests::{
    dask::{Dask, LEAVE, START},
    driver::Driver,
    guide, kubectl, manifest,
    namespace::{Space, test_alone},
    settings::{self, OPERATOR},
    wait::{secs, throughout, until},
};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod};
use kube::{ResourceExt, api::ListParams};
use serde_json::json;
use tokio::process::{Child, Command};

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn running_clusters_are_taken_over_under_load() -> Result<()> {
    test_alone("takeover", async |space| {
        let old = OldOperator::install(&space).await?;
        let (dask, mut client) = make_clusters(&space).await?;
        let before = pods(&space).await?;
        space.step(&format!("the old operator made {} pods", before.len()));
        client.tell("compute 500 0.2").await?;
        migrate(&space, old).await?;

        throughout("what runs is left alone", secs(8), async || {
            let now = pods(&space).await?;
            ensure!(now == before, "{now:?}, before {before:?}");
            Ok(())
        })
        .await?;
        until("all of them count", secs(20), async || counts(&dask, 3, 3).await).await?;
        kopf_has_left_nothing(&space).await?;
        shrink_and_grow(&dask).await?;
        client.nothing_was_lost().await?;
        space.step("nothing was lost");
        the_job_goes_on(&space).await?;
        space.kubectl(&["delete", "daskcluster", "c", "--timeout=30s"]).await?;
        until("nothing is left", secs(60), async || {
            let rest = space.kubectl(&["get", "daskworkergroups,deployments,services", "-o", "name"]).await?;
            ensure!(rest.is_empty(), "{rest}");
            Ok(())
        })
        .await
    })
    .await
}

/// dask-kubernetes' operator, as a process of ours.
struct OldOperator(Child);

impl OldOperator {
    /// In the place of this operator and its definitions.
    async fn install(space: &Space) -> Result<Self> {
        // It stops with its rights, and the next one makes its Lease anew.
        let ours = ["-n", OPERATOR.0, "delete", "--ignore-not-found", "--timeout=60s"];
        kubectl::run(&[&ours[..], &["deployment", OPERATOR.1, "--cascade=foreground"]].concat()).await?;
        kubectl::run(&[&ours[..], &["lease", OPERATOR.1]].concat()).await?;
        kubectl::helm(&["uninstall", OPERATOR.1, "--namespace", OPERATOR.0, "--wait", "--ignore-not-found"])
            .await?;
        let crds = settings::repository().join("charts/dask-operator/crds");
        kubectl::run(&["delete", "--ignore-not-found", "--timeout=120s", "-f", &crds.display().to_string()])
            .await?;
        let python = PathBuf::from(settings::variable("E2E_CLIENT_PYTHON")?);
        let find = "import dask_kubernetes.operator as o; print(o.__path__[0])";
        let found = Command::new(&python).args(["-c", find]).output().await?;
        let package = PathBuf::from(String::from_utf8(found.stdout)?.trim());
        let crds = package.join("deployment/helm/dask-kubernetes-operator/crds").display().to_string();
        kubectl::run(&["create", "-f", &crds]).await?;
        kubectl::run(&["wait", "--for=condition=Established", "--timeout=60s", "-f", &crds]).await?;
        space.step("the old definitions are there");
        let mut command = Command::new(python.with_file_name("kopf"));
        command.args([
            "run",
            "-m",
            "dask_kubernetes.operator.controller",
            "--quiet",
            "--namespace",
            &space.name,
        ]);
        command.stdout(Stdio::null()).kill_on_drop(true);
        Ok(Self(command.spawn().context("kopf")?))
    }
}

/// A cluster with two groups that hold results, and a job that waits. Answers a client of the cluster.
async fn make_clusters(space: &Space) -> Result<(Dask, Driver)> {
    space.apply(&manifest::cluster("c", 3)?).await?;
    let dask = Dask { space: space.clone(), name: "c".into() };
    until("the old operator made its workers", START, async || registered(&dask, 3).await).await?;
    space.apply(&manifest::group("c-extra", "c", 1)?).await?;
    let wait = "from dask.distributed import Client, Event; c = Client(); Event('go').wait(); print(c.submit(sum, [1, 2]).result())";
    space.apply(&manifest::job("j", &["python", "-c", wait])?).await?;
    until("the job runs", START, async || {
        let job: DaskJob = space.api().get("j").await?;
        let status = job.status.and_then(|s| s.job_status);
        ensure!(status == Some(JobStatus::Running), "{status:?}");
        Ok(())
    })
    .await?;
    until("the second group's worker", START, async || registered(&dask, 4).await).await?;
    let mut client = dask.driver().await?;
    client.tell("scatter 8 100000").await?;
    client.tell("compute 8 0.05").await?;
    client.all_is_right().await?;
    Ok((dask, client))
}

async fn registered(dask: &Dask, workers: usize) -> Result<()> {
    let there = dask.identity().await?.workers.len();
    ensure!(there == workers, "{there} workers");
    Ok(())
}

/// What the guide says, with the old operator's process in place of its Helm release.
async fn migrate(space: &Space, mut old: OldOperator) -> Result<()> {
    let values = std::env::temp_dir().join(format!("{}.yaml", space.name));
    let image = settings::variable("E2E_OPERATOR_IMAGE")?;
    let (name, tag) = image.rsplit_once(':').context("E2E_OPERATOR_IMAGE has no tag")?;
    fs::write(&values, json!({"image": {"name": name, "tag": tag}}).to_string())?;
    let pid = old.0.id().context("the old operator has ended")?;
    let prelude =
        format!("helm() {{ if [ \"$1\" = uninstall ]; then kill {pid}; else command helm \"$@\"; fi; }}");
    let variables = [
        ("OLD_RELEASE", "the-process"),
        ("OLD_NAMESPACE", space.name.as_str()),
        ("NAMESPACE", OPERATOR.0),
        ("VALUES", &values.display().to_string()),
    ];
    let blocks = guide::blocks("docs/migrating.md")?;
    ensure!(blocks.len() == 5, "{} blocks of commands", blocks.len());
    for block in blocks {
        space.step(block.lines().next().unwrap_or_default());
        guide::run(&format!("{prelude}\n{block}"), &variables).await?;
        if block.contains("helm uninstall") {
            old.0.wait().await?;
        }
    }
    fs::remove_file(values)?;
    Ok(())
}

/// Every pod with how often its containers were restarted.
async fn pods(space: &Space) -> Result<BTreeMap<String, i32>> {
    let pods = space.api::<Pod>().list(&ListParams::default()).await?.items;
    let restarts = |p: &Pod| {
        let statuses = p.status.as_ref().and_then(|s| s.container_statuses.as_ref());
        statuses.into_iter().flatten().map(|c| c.restart_count).sum()
    };
    Ok(pods
        .iter()
        .map(|p| (format!("{} {}", p.name_any(), p.uid().unwrap_or_default()), restarts(p)))
        .collect())
}

async fn counts(dask: &Dask, desired: i32, ready: i32) -> Result<()> {
    let counts = dask.group("c-default").await?.status.and_then(|s| s.workers).context("no counts")?;
    let all = (counts.desired, counts.created, counts.ready, counts.retiring, counts.outdated);
    ensure!(all == (desired, desired, ready, 0, 0), "{counts:?}");
    Ok(())
}

async fn kopf_has_left_nothing(space: &Space) -> Result<()> {
    until("nothing of kopf is left", secs(20), async || {
        let kinds = "daskclusters,daskworkergroups,daskjobs,daskautoscalers,services,pods";
        let all = space.kubectl(&["get", kinds, "-o", "yaml"]).await?;
        let left: Vec<&str> = all.lines().filter(|l| l.contains("kopf")).collect();
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    })
    .await
}

/// Deployments leave first and come back as pods.
async fn shrink_and_grow(dask: &Dask) -> Result<()> {
    let deployments = async || -> Result<usize> {
        let labels = "dask.org/component=worker,dask.org/workergroup-name=c-default";
        Ok(dask.space.api::<Deployment>().list(&ListParams::default().labels(labels)).await?.items.len())
    };
    let group_is = async |desired: i32, of_old: usize| {
        until(
            &format!("{desired} workers, {of_old} of them of the old operator"),
            LEAVE + START,
            async || {
                counts(dask, desired, desired).await?;
                let old = deployments().await?;
                ensure!(old == of_old, "{old} Deployments");
                registered(dask, usize::try_from(desired)? + 1).await
            },
        )
        .await
    };
    group_is(3, 3).await?;
    dask.scale_group("c-default", 2).await?;
    group_is(2, 2).await?;
    dask.scale_group("c-default", 4).await?;
    group_is(4, 2).await?;
    dask.scale_group("c-default", 2).await?;
    group_is(2, 0).await
}

async fn the_job_goes_on(space: &Space) -> Result<()> {
    let cluster = Dask { space: space.clone(), name: "j".into() };
    cluster.driver().await?.tell("open go").await?;
    until("the job ends", secs(60), async || {
        let job: DaskJob = space.api().get("j").await?;
        let status = job.status.and_then(|s| s.job_status);
        ensure!(status == Some(JobStatus::Successful), "{status:?}");
        ensure!(
            space
                .api::<DaskCluster>()
                .get_opt("j")
                .await?
                .is_none_or(|c| c.metadata.deletion_timestamp.is_some())
        );
        ensure!(space.api::<DaskWorkerGroup>().get_opt("j-default").await?.is_none());
        Ok(())
    })
    .await
}
