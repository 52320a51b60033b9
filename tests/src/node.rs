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

    /// Finds the one that the first process of a pod's first container started: the worker under its agent.
    ///
    /// # Errors
    /// There is none, or the node is not one of ours.
    pub async fn started_by(pod: &Pod) -> Result<Self> {
        let Self { node, id } = Self::of(pod).await?;
        let found = in_node(&node, &["pgrep", "-o", "-P", &id]).await?;
        Ok(Self { node, id: found.trim().to_string() })
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

    /// Ends it without a word.
    ///
    /// # Errors
    /// It is gone.
    pub async fn kill(&self) -> Result<()> {
        self.signal("KILL").await
    }

    /// Takes the network away from it; answers what [`Process::connect`] needs.
    ///
    /// # Errors
    /// It is gone.
    pub async fn cut_off(&self) -> Result<Vec<String>> {
        let routes = self.ip(&["-4", "route", "show"]).await?;
        self.ip(&["link", "set", "eth0", "down"]).await?;
        // Those to what is on the link must be there before those that go through it.
        Ok(routes.lines().rev().map(String::from).collect())
    }

    /// Gives the network back.
    ///
    /// # Errors
    /// It is gone.
    pub async fn connect(&self, routes: &[String]) -> Result<()> {
        self.ip(&["link", "set", "eth0", "up"]).await?;
        for route in routes {
            let words: Vec<&str> = ["route", "replace"].into_iter().chain(route.split_whitespace()).collect();
            self.ip(&words).await?;
        }
        Ok(())
    }

    /// Runs `ip` where the process has its network.
    async fn ip(&self, args: &[&str]) -> Result<String> {
        let enter = ["nsenter", "-t", &self.id, "-n", "ip"];
        let command: Vec<&str> = enter.into_iter().chain(args.iter().copied()).collect();
        in_node(&self.node, &command).await
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
