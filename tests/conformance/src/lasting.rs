//! What of our kinds stays as it was made.

use anyhow::{Result, ensure};
use futures::FutureExt;
use serde_json::json;

use super::{
    Case, Ground,
    manifests::{autoscaler, job},
};

pub(super) const CASES: &[Case] = &[
    Case::new("refused: an autoscaler that moves", |g| autoscaler_moved(g).boxed_local()),
    Case::new("refused: edits of a job that was made", |g| edited(g).boxed_local()),
];

async fn autoscaler_moved(ground: Ground) -> Result<()> {
    ground.create("daskautoscalers", &autoscaler("a")).await?;
    let other = json!({"spec": {"cluster": "other"}});
    let words = ground.merge("daskautoscalers/a", &other).await?.ok(422)?["message"].to_string();
    ensure!(words.contains("spec.cluster: ") && words.contains("create a new DaskAutoscaler"), "{words}");
    ground.merge("daskautoscalers/a", &json!({"spec": {"maximum": 9}})).await?.ok(200).map(drop)
}

async fn edited(ground: Ground) -> Result<()> {
    ground.create("daskjobs", &job("a")).await?;
    let edits = [
        json!({"spec": {"job": {"spec": {"nodeName": "n"}}}}),
        json!({"spec": {"job": {"metadata": {"labels": {"a": "b"}}}}}),
        json!({"spec": {"cluster": {"spec": {"idleTimeout": 5}}}}),
    ];
    for status in [None, Some("JobCreated"), Some("ClusterCreated"), Some("Running"), Some("Failed")] {
        if let Some(status) = status {
            let status = json!({"status": {"jobStatus": status}});
            ground.merge("daskjobs/a/status", &status).await?.ok(200)?;
        }
        let was_made = status.is_some_and(|s| s != "JobCreated");
        for edit in &edits {
            let answer = ground.merge("daskjobs/a?dryRun=All", edit).await?;
            let words = answer.ok(if was_made { 422 } else { 200 })?["message"].to_string();
            ensure!(!was_made || words.contains("spec: ") && words.contains("delete the DaskJob"), "{words}");
        }
        let timeout = json!({"spec": {"job": {"startTimeout": 5}}, "metadata": {"labels": {"a": "b"}}});
        ground.merge("daskjobs/a?dryRun=All", &timeout).await?.ok(200)?;
    }
    Ok(())
}
