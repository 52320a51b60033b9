//! The command line: ours, and what dask-kubernetes' image took.

use std::{net::SocketAddr, time::Duration};

use clap::{Parser, Subcommand, ValueEnum};
use dask_operator_core::{autoscaler, resources::agent_plan};

use crate::{context::Settings, simulate::SimulateArgs, telemetry::LogFormat};

/// How schedulers are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchedulerAccess {
    /// Direct in a pod, by port-forward outside.
    Auto,
    /// Straight to the scheduler pod's IP.
    Direct,
    /// Through the API server, with the caller's rights.
    PortForward,
}

/// What the agent does in worker pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AgentMode {
    /// There is none.
    Disabled,
    /// It copies results to other workers before a pod ends.
    Drain,
    /// And it takes the place of Dask's own Nanny, where the command is that of a plain worker.
    Full,
}

impl From<AgentMode> for dask_crds::AgentMode {
    fn from(mode: AgentMode) -> Self {
        match mode {
            AgentMode::Disabled => Self::Disabled,
            AgentMode::Drain => Self::Drain,
            AgentMode::Full => Self::Full,
        }
    }
}

/// Runs elastic Dask clusters on Kubernetes.
#[derive(Clone, Debug, Parser)]
#[command(name = "dask-operator", version, about)]
pub struct Args {
    /// Something else than running the operator
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Watch this namespace; repeat for more
    #[arg(short, long = "namespace", env = "DASK_OPERATOR_NAMESPACES", value_delimiter = ',')]
    pub namespaces: Vec<String>,
    /// Watch all namespaces (the default)
    #[arg(short = 'A', long, conflicts_with = "namespaces")]
    pub all_namespaces: bool,
    /// How schedulers are reached
    #[arg(long, value_enum, default_value = "auto")]
    pub scheduler_access: SchedulerAccess,
    /// Where /metrics, /healthz and /readyz are served
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub http_address: SocketAddr,
    /// DNS domain of the Kubernetes cluster
    #[arg(long, default_value = "cluster.local")]
    pub cluster_domain: String,
    /// Seconds between two questions to a scheduler while an autoscaler needs it, from 0.2 to 10
    #[arg(long, default_value_t = 2.0)]
    pub poll_seconds: f64,
    /// Most workers of a group whose autoscaler has no `spec.maximum`
    #[arg(long, default_value_t = autoscaler::DEFAULT_MAXIMUM, value_parser = clap::value_parser!(i32).range(1..=100_000))]
    pub autoscaler_default_maximum: i32,
    /// What the agent does in pods of workers that do not say it themselves
    #[arg(long, value_enum, default_value = "drain")]
    pub agent_mode: AgentMode,
    /// Image that has the agent; without it worker pods run exactly what their spec says
    #[arg(long)]
    pub agent_image: Option<String>,
    /// When that image is pulled [default: Kubernetes' own]
    #[arg(long, value_parser = ["Always", "IfNotPresent", "Never"])]
    pub agent_image_pull_policy: Option<String>,
    /// Secret, in the workers' namespace, that image is pulled with; repeat for more
    #[arg(long = "agent-pull-secret")]
    pub agent_pull_secrets: Vec<String>,
    /// Watch nodes, and let workers leave those whose taints say that they are about to go
    #[arg(long)]
    pub watch_nodes: bool,
    /// Take part in an election: of several operators one writes, the others are ready to
    #[arg(long)]
    pub leader_elect: bool,
    /// Name of the Lease of that election
    #[arg(long, default_value = "dask-operator")]
    pub lease_name: String,
    /// Namespace of that Lease [default: the pod's, or the kubeconfig's]
    #[arg(long)]
    pub lease_namespace: Option<String>,
    /// How log lines look
    #[arg(long, value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// error, warn, info, debug or trace
    #[arg(long, default_value = "info", value_parser = ["error", "warn", "info", "debug", "trace"])]
    pub log_level: String,
    /// Log more (as dask-kubernetes' image)
    #[arg(short, long)]
    pub verbose: bool,
    /// Log even more (as dask-kubernetes' image)
    #[arg(short, long)]
    pub debug: bool,
    /// Log less (as dask-kubernetes' image)
    #[arg(short, long)]
    pub quiet: bool,
    /// Accepted for dask-kubernetes' arguments; liveness is served at /healthz
    #[arg(long, hide = true)]
    pub liveness: Option<String>,
    /// Accepted for dask-kubernetes' arguments; it is always so
    #[arg(long, hide = true)]
    pub standalone: bool,
}

/// Something else than running the operator.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Command {
    /// Print the CustomResourceDefinitions, for `kubectl apply --server-side -f -`
    Crds,
    /// Simulate a workload under this operator's autoscaler, dask-kubernetes' and Dask's own Adaptive
    Simulate(SimulateArgs),
}

impl Args {
    /// The level to log at.
    pub fn level(&self) -> &str {
        match (self.quiet, self.debug || self.verbose) {
            (true, _) => "warn",
            (_, true) => "debug",
            _ => &self.log_level,
        }
    }

    /// The namespaces that are named. A variable that is empty, or ends with a comma, names none there.
    fn named_namespaces(&self) -> Vec<String> {
        let trimmed = self.namespaces.iter().map(|n| n.trim());
        trimmed.filter(|n| !n.is_empty()).map(String::from).collect()
    }

    /// The operator's settings.
    pub fn settings(&self) -> Settings {
        Settings {
            namespaces: self.named_namespaces(),
            cluster_domain: self.cluster_domain.clone(),
            poll: Duration::from_secs_f64(self.poll_seconds.clamp(0.2, 10.0)),
            agent: agent_plan::Settings {
                mode: self.agent_mode.into(),
                image: self.agent_image.clone().filter(|image| !image.is_empty()),
                pull_policy: self.agent_image_pull_policy.clone(),
                pull_secrets: self.agent_pull_secrets.clone(),
            },
            autoscaler_maximum: self.autoscaler_default_maximum,
            nodes: self.watch_nodes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Args, clap::Error> {
        Args::try_parse_from(std::iter::once(&"dask-operator").chain(args))
    }

    #[test]
    fn arguments_of_dask_kubernetes_are_taken() {
        let args =
            parse(&["--all-namespaces", "--verbose", "--liveness=http://0.0.0.0:8080/healthz"]).unwrap();
        assert_eq!(args.level(), "debug");
        assert!(args.settings().namespaces.is_empty());
        let args = parse(&["--namespace=a", "-n", "b", "--quiet"]).unwrap();
        assert_eq!(args.settings().namespaces, ["a", "b"]);
        assert_eq!(args.level(), "warn");
    }

    #[test]
    fn an_empty_name_is_no_namespace() {
        let namespaces = |arg: &str| parse(&[arg]).unwrap().settings().namespaces;
        assert!(namespaces("--namespace=").is_empty(), "all of them");
        assert_eq!(namespaces("--namespace=a,"), ["a"]);
        assert_eq!(namespaces("--namespace=a, b"), ["a", "b"]);
    }

    #[test]
    fn there_is_no_agent_without_an_image() {
        let settings = |args: &[&str]| parse(args).unwrap().settings().agent;
        assert_eq!(settings(&[]), agent_plan::Settings::default());
        assert_eq!(settings(&["--agent-image="]), agent_plan::Settings::default());
        let wanted = agent_plan::Settings {
            mode: dask_crds::AgentMode::Disabled,
            image: Some("i:1".into()),
            pull_policy: Some("Always".into()),
            pull_secrets: vec!["a".into(), "b".into()],
        };
        let args = ["--agent-mode=disabled", "--agent-image=i:1", "--agent-image-pull-policy=Always"];
        assert_eq!(
            settings(&[&args[..], &["--agent-pull-secret=a", "--agent-pull-secret=b"]].concat()),
            wanted
        );
    }

    #[test]
    fn an_autoscaler_without_a_maximum_has_one() {
        let maximum = |args: &[&str]| parse(args).unwrap().settings().autoscaler_maximum;
        assert_eq!(maximum(&[]), 1_000);
        assert_eq!(maximum(&["--autoscaler-default-maximum=20"]), 20);
    }

    #[test]
    fn contradictions_are_refused() {
        assert!(parse(&["--autoscaler-default-maximum=0"]).is_err());
        assert!(parse(&["-A", "-n", "a"]).is_err());
        assert!(parse(&["--log-level=loud"]).is_err());
        assert!(parse(&["--scheduler-access=magic"]).is_err());
        assert!(parse(&["--agent-mode=some"]).is_err());
        assert!(parse(&["--agent-image-pull-policy=Sometimes"]).is_err());
    }
}
