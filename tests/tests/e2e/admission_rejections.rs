//! What the API server refuses by itself, with words that a person can act on; and what it must accept.

mod accepted;
mod rejected;

use anyhow::{Context, Result, bail, ensure};
use dask_crds::{DaskAutoscaler, DaskJob, DaskWorkerGroup};
use dask_operator_tests::{
    kubectl, manifest,
    namespace::{Space, test},
};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn bad_values_are_refused_with_path_value_and_rule() -> Result<()> {
    test("refused", async |space| {
        let mut wrong = Vec::new();
        for (object, rows) in rejected::rows()? {
            for rejected::Row(path, bad, rule, good) in rows {
                let refused = space.dry_run(&with(&object, path, &bad)).await;
                let words = refused.err().map(|error| format!("{error:#}")).unwrap_or_default();
                let shown = rejected::value_is_untold(&bad, rule) || words.contains(&bad.to_string());
                if !(shown && words.contains(&as_shown(path)) && words.contains(rule)) {
                    wrong.push(format!("{path} = {bad}: {words}"));
                }
                space.step(&format!("{path} = {bad}: {words}"));
                if let Err(error) = space.dry_run(&with(&object, path, &good)).await {
                    wrong.push(format!("{path} = {good} is good: {error:#}"));
                }
            }
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn what_dask_kubernetes_accepts_is_accepted() -> Result<()> {
    test("accepted", async |space| {
        let mut wrong = Vec::new();
        for (object, values) in accepted::values()? {
            for (path, value) in values {
                if let Err(error) = space.dry_run(&with(&object, path, &value)).await {
                    wrong.push(format!("{path} = {value}: {error:#}"));
                }
            }
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_stored_group_keeps_its_cluster_and_its_bounds() -> Result<()> {
    test("stored", async |space| {
        let _: DaskWorkerGroup = space.create_object(&manifest::group("g", "nobody", 0)?).await?;
        let groups: Api<DaskWorkerGroup> = space.api();
        let dry = PatchParams { dry_run: true, ..PatchParams::default() };
        let other = Patch::Merge(json!({"spec": {"cluster": "other"}}));
        let words = groups.patch("g", &dry, &other).await.err().context("it moved")?.to_string();
        ensure!(
            words.contains("spec.cluster: ") && words.contains("cannot be changed: create a new"),
            "{words}"
        );
        for (replicas, rule) in [(-1, rejected::AT_LEAST_0), (100_001, rejected::AT_MOST)] {
            let scale = Patch::Merge(json!({"spec": {"replicas": replicas}}));
            let words = groups.patch_scale("g", &dry, &scale).await.err().context("it scaled")?.to_string();
            ensure!(words.contains(&format!("replicas: Invalid value: {replicas}: ")), "{words}");
            ensure!(words.contains(rule), "{words}");
        }
        let most = Patch::Merge(json!({"spec": {"replicas": 100_000}}));
        groups.patch_scale("g", &dry, &most).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_stored_autoscaler_keeps_its_cluster() -> Result<()> {
    test("scaled", async |space| {
        let _: DaskAutoscaler = space.create_object(&manifest::autoscaler("a", "nobody", 1, 3)).await?;
        let autoscalers: Api<DaskAutoscaler> = space.api();
        let dry = PatchParams { dry_run: true, ..PatchParams::default() };
        let other = Patch::Merge(json!({"spec": {"cluster": "other"}}));
        let words = autoscalers.patch("a", &dry, &other).await.err().context("it moved")?.to_string();
        ensure!(
            words.contains("spec.cluster: ")
                && words.contains("cannot be changed: create a new DaskAutoscaler"),
            "{words}"
        );
        let bounds = Patch::Merge(json!({"spec": {"minimum": 0, "maximum": 9}}));
        autoscalers.patch("a", &dry, &bounds).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_job_that_was_made_stays_as_it_was_made() -> Result<()> {
    test("made", async |space| {
        let jobs: Api<DaskJob> = space.api();
        let dry = PatchParams { dry_run: true, ..PatchParams::default() };
        let container = |name: &str| json!([{"name": name, "image": "i"}]);
        let edits = [
            json!({"spec": {"job": {"spec": {"containers": container("renamed")}}}}),
            json!({"spec": {"job": {"metadata": {"annotations": {"a": "b"}}}}}),
            json!({"spec": {"cluster": {"spec": {"worker": {"replicas": 7}}}}}),
        ];
        // An operator that runs may have made it already: this one has a name of no cluster.
        let name = "a.job";
        let mut manifest = job()?;
        manifest["metadata"]["name"] = json!(name);
        let _: DaskJob = space.create_object(&manifest).await?;
        for status in ["ClusterCreated", "Running", "Successful", "Failed"] {
            let told = Patch::Merge(json!({"status": {"jobStatus": status}}));
            jobs.patch_status(name, &PatchParams::default(), &told).await?;
            for edit in &edits {
                let words = jobs.patch(name, &dry, &Patch::Merge(edit)).await.err();
                let words = words.with_context(|| format!("{status}: {edit} was taken"))?.to_string();
                ensure!(
                    words.contains("cannot be changed once they were made: delete the DaskJob"),
                    "{words}"
                );
            }
            let timeout = Patch::Merge(json!({"spec": {"job": {"startTimeout": 5}}}));
            jobs.patch(name, &dry, &timeout).await?;
            let labels = Patch::Merge(json!({"metadata": {"labels": {"a": "b"}}}));
            jobs.patch(name, &dry, &labels).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn kubectl_refuses_a_field_that_is_none() -> Result<()> {
    test("typo", async |space| {
        let typo = with(&manifest::cluster("c", 0)?, "spec.wrokers", &json!({"replicas": 3}));
        let create = ["-n", &space.name, "create", "--dry-run=server", "-f", "-"];
        let refused = kubectl::with_input(&create, &typo.to_string()).await;
        let words = format!("{:#}", refused.err().context("it was accepted")?);
        ensure!(words.contains(r#"unknown field "spec.wrokers""#), "{words}");
        Ok(())
    })
    .await
}

trait DryRun {
    /// Creates the object as far as the API server can without keeping it.
    async fn dry_run(&self, manifest: &Value) -> Result<()>;
}

impl DryRun for Space {
    async fn dry_run(&self, manifest: &Value) -> Result<()> {
        let object: DynamicObject = serde_json::from_value(manifest.clone())?;
        let kind = object.types.clone().context("no kind")?.kind;
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(dask_crds::GROUP, dask_crds::VERSION, &kind));
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &self.name, &kind);
        match api.create(&PostParams { dry_run: true, ..PostParams::default() }, &object).await {
            Err(kube::Error::Api(status)) => bail!(status.message),
            answer => Ok(answer.map(drop)?),
        }
    }
}

/// The object with that value at a dotted path; numbers are places in a list.
fn with(object: &Value, path: &str, value: &Value) -> Value {
    let mut object = object.clone();
    let place = path.split('.').fold(&mut object, |node, step| match step.parse::<usize>() {
        Ok(index) => &mut node[index],
        Err(_) => &mut node[step],
    });
    *place = value.clone();
    object
}

/// The path as the API server writes it.
fn as_shown(path: &str) -> String {
    path.replace(".0", "[0]")
}

fn job() -> Result<Value> {
    let spec = manifest::cluster("j", 1)?["spec"].clone();
    Ok(json!({
        "apiVersion": "kubernetes.dask.org/v1", "kind": "DaskJob", "metadata": {"name": "j"},
        "spec": {"job": {"spec": {"containers": spec["worker"]["spec"]["containers"]}}, "cluster": {"spec": spec}},
    }))
}
