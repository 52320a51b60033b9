//! What the API server wrote down of who asked for what.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::settings::{OPERATOR, repository, variable};

/// One request of the operator.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// API group; empty for the core.
    pub group: String,
    /// Resource, with its subresource after a slash.
    pub resource: String,
    /// Verb, as in RBAC.
    pub verb: String,
    /// Namespace; empty for all of them.
    pub namespace: String,
    /// Name of the object, where there is one.
    pub name: String,
    /// When it was answered (RFC 3339).
    pub at: String,
    /// The operator's pod that asked.
    pub pod: String,
    /// The answer's HTTP status.
    pub code: u64,
}

impl Request {
    /// Whether it changes something.
    pub fn writes(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }
}

/// All requests of the operator that the log still has.
///
/// # Errors
/// The log cannot be read.
pub async fn requests() -> Result<Vec<Request>> {
    let script = repository().join("tests/kind/cluster.sh");
    let output = Command::new(script).args(["audit", &variable("E2E_CLUSTER")?]).output().await?;
    ensure!(output.status.success(), "audit log: {}", String::from_utf8_lossy(&output.stderr));
    let user = format!("system:serviceaccount:{}:{}", OPERATOR.0, OPERATOR.1);
    let log = String::from_utf8_lossy(&output.stdout);
    log.lines()
        .filter(|l| l.contains(&user))
        .filter(|l| l.ends_with('}'))
        .map(|l| request(l, &user))
        .filter_map(Result::transpose)
        .collect()
}

fn request(line: &str, user: &str) -> Result<Option<Request>> {
    let entry: Value = serde_json::from_str(line).with_context(|| line.to_string())?;
    let text = |path: &str| entry.pointer(path).and_then(Value::as_str).unwrap_or_default().to_string();
    let is_resource = entry.get("objectRef").is_some();
    if text("/user/username") != user || !is_resource || text("/stage") != "ResponseComplete" {
        return Ok(None);
    }
    let (resource, sub) = (text("/objectRef/resource"), text("/objectRef/subresource"));
    Ok(Some(Request {
        group: text("/objectRef/apiGroup"),
        resource: if sub.is_empty() { resource } else { format!("{resource}/{sub}") },
        verb: text("/verb"),
        namespace: text("/objectRef/namespace"),
        name: text("/objectRef/name"),
        at: text("/stageTimestamp"),
        pod: text("/user/extra/authentication.kubernetes.io~1pod-name/0"),
        code: entry.pointer("/responseStatus/code").and_then(Value::as_u64).unwrap_or_default(),
    }))
}

/// Group, resource and verb of each kind of request.
pub fn used(requests: &[Request]) -> BTreeSet<(String, String, String)> {
    requests.iter().map(|r| (r.group.clone(), r.resource.clone(), r.verb.clone())).collect()
}
