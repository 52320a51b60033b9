//! Things only the machine below a pod can do, on nodes that the harness made.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use tokio::process::Command;

/// A process in a node.
#[derive(Debug)]
pub struct Process {
    node: String,
    id: String,
}

impl Process {
    /// Finds that of a pod's first container.
    ///
    /// # Errors
    /// It does not run, or the node is not one of ours.
    pub async fn of(pod: &Pod) -> Result<Self> {
        let node = pod.spec.as_ref().and_then(|s| s.node_name.clone()).context("no node")?;
        let status = pod.status.as_ref().and_then(|s| s.container_statuses.as_ref()?.first());
        let container = status.and_then(|s| s.container_id.as_deref()?.strip_prefix("containerd://"));
        let container =
            container.with_context(|| format!("{} has no containerd container", pod.name_any()))?;
        let tasks = in_node(&node, &["ctr", "-n", "k8s.io", "tasks", "list"]).await?;
        let line = tasks.lines().find(|l| l.starts_with(container)).context("containerd does not know it")?;
        let id = line.split_whitespace().nth(1).context("no process id")?.to_string();
        Ok(Self { node, id })
    }

    /// Finds a program of a node itself, by its name.
    ///
    /// # Errors
    /// It does not run, or the node is not one of ours.
    pub async fn named(node: &str, program: &str) -> Result<Self> {
        let found = in_node(node, &["pgrep", "-o", "-x", program]).await?;
        Ok(Self { node: node.to_string(), id: found.trim().to_string() })
    }

    /// Stops it where it is, as a machine that hangs would.
    ///
    /// # Errors
    /// It is gone.
    pub async fn freeze(&self) -> Result<()> {
        self.signal("STOP").await
    }

    /// Takes the network away from it, or gives it back.
    ///
    /// # Errors
    /// It is gone.
    pub async fn network(&self, up: bool) -> Result<()> {
        let state = if up { "up" } else { "down" };
        let command = ["nsenter", "-t", &self.id, "-n", "ip", "link", "set", "eth0", state];
        in_node(&self.node, &command).await?;
        if up {
            // The route went with the link.
            let gateway = in_node(
                &self.node,
                &["sh", "-c", "ip -4 -o addr show cni0 | sed -E 's/.* inet ([0-9.]+).*/\\1/'"],
            )
            .await?;
            let command =
                ["nsenter", "-t", &self.id, "-n", "ip", "route", "replace", "default", "via", gateway.trim()];
            in_node(&self.node, &command).await?;
        }
        Ok(())
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// It is gone.
    pub async fn thaw(&self) -> Result<()> {
        self.signal("CONT").await
    }

    async fn signal(&self, name: &str) -> Result<()> {
        in_node(&self.node, &["kill", &format!("-{name}"), &self.id]).await.map(drop)
    }
}

async fn in_node(node: &str, command: &[&str]) -> Result<String> {
    let output =
        Command::new("docker").args(["exec", node]).args(command).output().await.context("docker")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} in {node}: {errors}", command.join(" "));
    Ok(String::from_utf8(output.stdout)?)
}
