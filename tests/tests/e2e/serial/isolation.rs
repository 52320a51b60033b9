//! A namespace whose admission hangs, with a hundred objects in it, delays what is done in another one by nothing.
//!
//! A webhook of ours holds every request of the operator in that namespace for 30 s, and then it fails. Objects that
//! wait for it would take each of the operator's hands, were they dealt with in the order they came.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use dask_operator_tests::{
    dask::{Dask, LEAVE, START, is_ready, is_retiring},
    kubectl, manifest,
    namespace::{Space, test_alone},
    settings::{self, OPERATOR},
    wait::{secs, until},
};
use k8s_openapi::{
    ByteString,
    api::core::v1::{Namespace, Pod},
};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

/// Longest time for the operator to carry out a change of what has nothing to do with the webhook. One request that
/// hangs lasts longer, and a queue of a hundred such would take minutes.
const PROMPTLY: Duration = secs(15);
/// Groups that are there before, whose new pods will hang, and clusters that come later, whose Services will.
const OBJECTS: (usize, usize) = (20, 80);
/// So many requests hang at all times: as many as one namespace may have passes at a time.
const HELD: usize = 16;

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_namespace_whose_admission_hangs_delays_no_other() -> Result<()> {
    test_alone("isolation", async |space| {
        let hung = Hung::create(&space).await?;
        let result = three_rounds_beside(&hung, &space).await;
        let cleared = hung.clear().await;
        result.and(cleared)
    })
    .await
}

async fn three_rounds_beside(hung: &Hung, space: &Space) -> Result<()> {
    hung.fill().await?;
    hung.hang().await?;
    for round in 0..3 {
        hung.holds_requests().await?;
        comes_and_goes(space, &format!("c{round}")).await?;
        hung.holds_requests().await?;
        space.step(&format!("round {round} is over"));
    }
    Ok(())
}

/// A cluster is made, grows, shrinks, and is deleted; each change without a delay.
async fn comes_and_goes(space: &Space, name: &str) -> Result<()> {
    let dask = Dask::create(space, &manifest::cluster(name, 1)?).await?;
    let group = dask.default_group();
    has_pods(&dask, 1).await?;
    dask.settled(1, START).await?;
    dask.scale_group(&group, 3).await?;
    has_pods(&dask, 3).await?;
    dask.settled(3, START).await?;
    dask.scale_group(&group, 1).await?;
    until("two were chosen, or have gone", PROMPTLY, async || {
        let stay = dask.pods(&group).await?.iter().filter(|p| !is_retiring(p)).count();
        ensure!(stay == 1, "{stay} stay");
        Ok(())
    })
    .await?;
    until("the others were deleted", PROMPTLY, async || {
        let pods = dask.pods(&group).await?.len();
        ensure!(pods == 1, "{pods} pods are left");
        Ok(())
    })
    .await?;
    dask.settled(1, LEAVE).await?;
    space.kubectl(&["delete", "daskcluster", name, "--wait=false"]).await.map(drop)
}

/// So many worker pods were made, whether they run or not.
async fn has_pods(dask: &Dask, wanted: usize) -> Result<()> {
    until(&format!("{wanted} pods of {} were made", dask.name), PROMPTLY, async || {
        let pods = dask.pods(&dask.default_group()).await?.len();
        ensure!(pods == wanted, "{pods} were");
        Ok(())
    })
    .await
}

/// The namespace whose admission hangs. It is owned by the test's own namespace and owns the webhook's configuration,
/// so that both go with that one whatever becomes of the test.
struct Hung {
    /// The namespace itself; the webhook's server is in `beside`.
    space: Space,
    beside: Space,
    ca: String,
}

impl Hung {
    async fn create(beside: &Space) -> Result<Self> {
        let mut space = beside.clone();
        space.name = format!("{}-hung", beside.name);
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": space.name, "ownerReferences": [owner(beside).await?]}});
        kubectl::with_input(&["create", "-f", "-"], &namespace.to_string()).await?;
        let names = vec![format!("hangs.{}.svc", beside.name)];
        let keys = rcgen::generate_simple_self_signed(names)?;
        let hung = Self { space, beside: beside.clone(), ca: keys.cert.pem() };
        for object in server(&hung.ca, &keys.signing_key.serialize_pem())? {
            beside.apply(&object).await?;
        }
        until("the webhook's server runs", START, async || {
            ensure!(is_ready(&beside.api::<Pod>().get("hangs").await?), "it is not ready");
            Ok(())
        })
        .await?;
        Ok(hung)
    }

    /// A cluster whose groups are in order, and have no pods yet.
    async fn fill(&self) -> Result<()> {
        let dask = Dask::start(&self.space, &manifest::cluster("base", 0)?).await?;
        let groups = (0..OBJECTS.0).map(|n| manifest::group(&format!("g{n}"), &dask.name, 0));
        self.apply_all(groups.collect::<Result<_>>()?).await?;
        until("all groups are in order", secs(60), async || {
            for n in 0..OBJECTS.0 {
                let status = dask.group(&format!("g{n}")).await?.status;
                status.and_then(|s| s.workers).with_context(|| format!("g{n} is not"))?;
            }
            Ok(())
        })
        .await
    }

    /// From now on the operator's requests hang; then it has much to do here.
    async fn hang(&self) -> Result<()> {
        kubectl::with_input(&["create", "-f", "-"], &self.webhook().await?.to_string()).await?;
        until("the API server asks the webhook", secs(60), async || self.is_asked().await).await?;
        self.space.kubectl(&["scale", "daskworkergroup", "--all", "--replicas=4"]).await?;
        let clusters = (0..OBJECTS.1).map(|n| manifest::cluster(&format!("h{n}"), 1));
        self.apply_all(clusters.collect::<Result<_>>()?).await?;
        self.space.step("the namespace is full of work that hangs");
        Ok(())
    }

    async fn apply_all(&self, items: Vec<Value>) -> Result<()> {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        self.space.apply(&list).await.map(drop)
    }

    async fn webhook(&self) -> Result<Value> {
        let operator = format!("system:serviceaccount:{}:{}", OPERATOR.0, OPERATOR.1);
        Ok(json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": self.space.name, "ownerReferences": [owner(&self.space).await?]},
            "webhooks": [{
                "name": "hangs.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                "failurePolicy": "Fail", "timeoutSeconds": 30,
                "clientConfig": {
                    "service": {"name": "hangs", "namespace": self.beside.name, "port": 443},
                    "caBundle": ByteString(self.ca.clone().into_bytes()),
                },
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.space.name}},
                "rules": [{"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"],
                    "operations": ["CREATE", "UPDATE", "DELETE"]}],
                // What the test does here and what ends the namespace must not hang.
                "matchConditions": [{"name": "operator",
                    "expression": format!("request.userInfo.username == '{operator}'")}],
            }],
        }))
    }

    /// A request as the operator's would be hangs.
    async fn is_asked(&self) -> Result<()> {
        let operator = format!("--as=system:serviceaccount:{}:{}", OPERATOR.0, OPERATOR.1);
        let create = ["create", "service", "clusterip", "asks", "--tcp=80", "--dry-run=server"];
        let asked = self.space.kubectl(&[&create[..], &["--request-timeout=3s", &operator]].concat()).await;
        let words = format!("{:#}", asked.err().context("it was answered")?);
        // The client's own words for its time that is up.
        ensure!(["imeout exceeded", "deadline exceeded"].iter().any(|w| words.contains(w)), "{words}");
        Ok(())
    }

    /// All requests that may hang at a time do.
    async fn holds_requests(&self) -> Result<()> {
        let path = format!("/api/v1/namespaces/{}/pods/http:hangs:8080/proxy/", self.beside.name);
        until(&format!("{HELD} requests hang"), secs(60), async || {
            let held: usize = kubectl::run(&["get", "--raw", &path]).await?.trim().parse()?;
            ensure!(held >= HELD, "{held} do");
            Ok(())
        })
        .await
    }

    /// Everything in it goes before the webhook does: else all that hung would be done at once, for nothing.
    async fn clear(self) -> Result<()> {
        if settings::keeps_failures() {
            return Ok(());
        }
        kubectl::run(&["delete", "namespace", &self.space.name, "--wait=false"]).await?;
        let namespaces: Api<Namespace> = Api::all(self.space.client.clone());
        let gone = until("the namespace is gone", secs(120), async || {
            ensure!(namespaces.get_opt(&self.space.name).await?.is_none(), "it is still there");
            Ok(())
        });
        let gone = gone.await;
        let kind = "validatingwebhookconfiguration";
        kubectl::run(&["delete", kind, &self.space.name, "--ignore-not-found"]).await?;
        gone
    }
}

/// A reference to the namespace.
async fn owner(space: &Space) -> Result<Value> {
    let namespace = Api::<Namespace>::all(space.client.clone()).get(&space.name).await?;
    Ok(json!({"apiVersion": "v1", "kind": "Namespace", "name": space.name, "uid": namespace.uid()}))
}

/// The webhook's server, with the Service that it is called by.
fn server(cert: &str, key: &str) -> Result<[Value; 3]> {
    let name = json!({"name": "hangs", "labels": {"app": "hangs"}});
    let container = json!({
        "name": "hangs", "image": settings::dask_image()?, "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", include_str!("hangs.py")],
        "readinessProbe": {"httpGet": {"port": 8080}, "periodSeconds": 1},
        "volumeMounts": [{"name": "keys", "mountPath": "/keys"}],
    });
    Ok([
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": name, "type": "kubernetes.io/tls",
            "stringData": {"tls.crt": cert, "tls.key": key}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": name,
            "spec": {"selector": {"app": "hangs"}, "ports": [{"port": 443, "targetPort": 8443}]}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": name, "spec": {
            "terminationGracePeriodSeconds": 0, "containers": [container],
            "volumes": [{"name": "keys", "secret": {"secretName": "hangs"}}]}}),
    ])
}
