//! An API server that is away, or too busy: it costs time and nothing else.

use anyhow::{Result, ensure};
use dask_operator_tests::{
    audit,
    dask::{Dask, START},
    kubectl, manifest,
    namespace::{Space, test_alone},
    node::Process,
    settings::{self, OPERATOR},
    wait::{secs, throughout, until},
};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt, api::ListParams};
use serde_json::json;

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn an_api_server_that_is_away_costs_nothing_but_time() -> Result<()> {
    test_alone("away", async |space| {
        let dask = Dask::start(&space, &manifest::cluster("c", 2)?).await?;
        let mut client = dask.driver().await?;
        client.tell("compute 200 0.2").await?;
        let before = operator_restarts(&space).await?;
        let server = Process::named(
            &format!("{}-control-plane", settings::variable("E2E_CLUSTER")?),
            "kube-apiserver",
        )
        .await?;
        server.freeze().await?;
        space.step("the API server is frozen");
        // By default longer than a request or a probe may take, shorter than nodes take to be given up. For minutes,
        // the kubelet loses its patience with it, and starts another one.
        let seconds = std::env::var("E2E_AWAY_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(25);
        let asked = tokio::time::timeout(
            secs(seconds),
            until("an answer", secs(seconds + 1), async || dask.cluster().await),
        );
        let asked = asked.await;
        let answered = matches!(asked, Ok(Ok(_)));
        let gone = server.thaw().await.is_err();
        ensure!(seconds > 60 || !(gone || answered), "it answered, or is gone");
        space.step("it goes on");
        until("a change is carried out", secs(60), async || dask.scale_group("c-default", 3).await).await?;
        dask.settled(3, START).await?;
        ensure!(operator_restarts(&space).await? == before, "the operator was restarted");
        client.nothing_was_lost().await
    })
    .await
}

/// UID and restarts of the operator's pod.
async fn operator_restarts(space: &Space) -> Result<Vec<(String, i32)>> {
    let pods: Api<Pod> = Api::namespaced(space.client.clone(), OPERATOR.0);
    let pods = pods.list(&ListParams::default()).await?.items;
    let restarts = |p: &Pod| {
        let statuses = p.status.as_ref().and_then(|s| s.container_statuses.as_ref());
        statuses.into_iter().flatten().map(|c| c.restart_count).sum()
    };
    Ok(pods.iter().map(|p| (p.uid().unwrap_or_default(), restarts(p))).collect())
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn an_api_server_that_is_too_busy_is_asked_again_later() -> Result<()> {
    test_alone("busy-api", async |space| {
        let dask = Dask::start(&space, &manifest::cluster("c", 1)?).await?;
        let throttle = Throttle::put_on(&space).await?;
        let result = told_to_come_again(&space, &dask).await;
        throttle.take_off().await?;
        result?;
        dask.settled(3, START).await
    })
    .await
}

async fn told_to_come_again(space: &Space, dask: &Dask) -> Result<()> {
    dask.scale_group("c-default", 3).await?;
    until("it is told to come again", secs(30), async || {
        let told = audit::requests().await?;
        let told = told.iter().filter(|r| r.namespace == space.name && r.code == 429).count();
        ensure!(told > 1, "{told} times");
        Ok(())
    })
    .await?;
    throughout("no storm", secs(10), async || {
        let told = audit::requests().await?;
        let told = told.iter().filter(|r| r.namespace == space.name && r.code == 429).count();
        ensure!(told < 60, "{told} requests");
        Ok(())
    })
    .await
}

/// A rule by which the API server answers 429 to every write of the operator in one namespace.
struct Throttle(String);

impl Throttle {
    async fn put_on(space: &Space) -> Result<Self> {
        let name = space.name.clone();
        let api = "flowcontrol.apiserver.k8s.io/v1";
        let level = json!({"apiVersion": api, "kind": "PriorityLevelConfiguration", "metadata": {"name": name},
            "spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 0, "lendablePercent": 0,
                "limitResponse": {"type": "Reject"}}}});
        let operator = json!({"kind": "ServiceAccount", "serviceAccount": {"namespace": OPERATOR.0, "name": OPERATOR.1}});
        let writes = json!({"apiGroups": ["*"], "resources": ["*"], "namespaces": [name],
            "verbs": ["create", "patch", "delete"]});
        let schema = json!({"apiVersion": api, "kind": "FlowSchema", "metadata": {"name": name},
            "spec": {"matchingPrecedence": 2, "priorityLevelConfiguration": {"name": name},
                "rules": [{"subjects": [operator], "resourceRules": [writes]}]}});
        for object in [level, schema] {
            kubectl::with_input(&["apply", "-f", "-"], &object.to_string()).await?;
        }
        // The API server writes this condition after it has taken the rule into use.
        let in_use = "--for=condition=Dangling=False";
        kubectl::run(&["wait", in_use, "--timeout=30s", &format!("flowschema/{name}")]).await?;
        Ok(Self(name))
    }

    async fn take_off(self) -> Result<()> {
        for kind in ["flowschema", "prioritylevelconfiguration"] {
            kubectl::run(&["delete", kind, &self.0]).await?;
        }
        Ok(())
    }
}
