//! Whether new workers of a group run under the agent, in which container, and what the group's status says of it.

use dask_crds::{AgentMode, Condition, ConditionStatus, WorkerSpec};
use dask_worker_line::{WorkerLine, begins_with_a_program};
use serde_json::Value;

pub(crate) mod worker_container;

use worker_container::{elements, words};

use crate::{
    model::{hash, names},
    plan::conditions::{self, Observed, WORKER_AGENT, shorten},
};

/// Where the agent is, in the containers that have it.
pub const PATH: &str = "/.dask-agent";

/// Preloads of Dask's own Nanny, as a variable.
const NANNY_PRELOAD: &str = "DASK_DISTRIBUTED__NANNY__PRELOAD";

/// Most of an author's word that a condition repeats.
const LONGEST_WORD: usize = 64;

/// What the operator was told about the agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// For workers that do not say it themselves.
    pub mode: AgentMode,
    /// The image that has the agent; without it no worker gets one.
    pub image: Option<String>,
    /// `imagePullPolicy` of that image.
    pub pull_policy: Option<String>,
    /// Names of the Secrets that image is pulled with; they must be in the workers' namespace.
    pub pull_secrets: Vec<String>,
}

/// What becomes of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plan<'a> {
    /// The operator has no agent to give.
    NoImage,
    /// Its pods stay what their author says, for this reason.
    Without { reason: &'static str, message: String },
    /// One of its containers runs under the agent; its mode is not Full, as was wanted, for the reason `kept`.
    Run { mode: AgentMode, image: &'a str, container: usize, kept: Option<String>, dashboard: bool },
}

impl<'a> Plan<'a> {
    /// The plan for pods of this worker.
    pub fn of(worker: &WorkerSpec, settings: &'a Settings) -> Self {
        let Some(image) = settings.image.as_deref() else { return Self::NoImage };
        let own = worker.agent.as_ref().and_then(|a| a.mode);
        let mode = own.unwrap_or(settings.mode);
        if mode == AgentMode::Disabled {
            let by = match own {
                Some(_) => "spec.worker.agent.mode is Disabled",
                None => {
                    "the operator was told to run no agents (--agent-mode), and spec.worker.agent.mode is not set"
                }
            };
            return without("Disabled", by);
        }
        let spec = &worker.spec.0;
        let spec = |key: &str| spec.get(key).unwrap_or(&Value::Null);
        // A pod's OS may be said by where it may run alone.
        if spec("os")["name"] == "windows" || spec("nodeSelector")["kubernetes.io/os"] == "windows" {
            return without("Windows", "the agent is a program for Linux");
        }
        if let Some(path) = taken(&spec) {
            let why = format!(
                "spec.worker.spec.{path} is what the agent needs for itself; rename it, or set \
                 spec.worker.agent.mode: Disabled"
            );
            return without("NameTaken", &why);
        }
        let containers = elements(spec("containers"));
        let container = match in_container(containers) {
            Ok(container) => container,
            Err(without) => return without,
        };
        let kept = containers.get(container).filter(|_| mode == AgentMode::Full).and_then(needs_own_nanny);
        let mode = if kept.is_some() { AgentMode::Drain } else { mode };
        let dashboard = worker.agent.as_ref().and_then(|a| a.dashboard).unwrap_or(true);
        Self::Run { mode, image, container, kept, dashboard }
    }

    /// The agent's mode, if there is one.
    pub fn mode(&self) -> Option<AgentMode> {
        if let Self::Run { mode, .. } = self { Some(*mode) } else { None }
    }

    /// Hash of what the agent is to be and to come from, if there is one.
    pub fn hash(&self, settings: &Settings) -> Option<String> {
        let Self::Run { mode, image, .. } = self else { return None };
        Some(hash::of_json(&(mode, image, &settings.pull_policy, &settings.pull_secrets)))
    }

    /// The condition that tells it. Where the operator has no agent, there is nothing to tell.
    pub fn condition(&self) -> Option<Observed> {
        match self {
            Self::NoImage => None,
            Self::Without { reason, message } => Some(conditions::no(WORKER_AGENT, *reason, message)),
            Self::Run { mode, kept, .. } => {
                let nanny = match (mode, kept) {
                    (AgentMode::Full, _) => ", and it takes the place of Dask's Nanny".into(),
                    (_, Some(why)) => format!("; they keep Dask's own Nanny: {why}"),
                    _ => String::new(),
                };
                let text = format!(
                    "new workers run under the agent: before a pod ends, its results are copied to other \
                     workers{nanny}"
                );
                Some(conditions::yes(WORKER_AGENT, mode.name(), &text))
            }
        }
    }

    /// Whether these conditions were written with the same mode.
    pub fn is_told_by(&self, conditions: &[Condition]) -> bool {
        let told = conditions.iter().find(|c| c.type_ == WORKER_AGENT && c.status == ConditionStatus::True);
        told.map(|c| c.reason.as_str()) == self.mode().map(AgentMode::name)
    }
}

fn without(reason: &'static str, why: &str) -> Plan<'static> {
    Plan::Without { reason, message: format!("new workers run without the agent: {why}") }
}

/// The container that runs under the agent, or the plan without one.
fn in_container(containers: &[Value]) -> Result<usize, Plan<'static>> {
    let Some(container) = worker_container::of_worker(containers) else {
        return Err(without(
            "NoWorkerContainer",
            "none of spec.worker.spec.containers has the name worker, and the command and args of none start a \
             Dask worker; give the worker's container the name worker",
        ));
    };
    let has = |key: &str| !elements(&containers[container][key]).is_empty();
    let path = format!("spec.worker.spec.containers[{container}]");
    if !has("command") && !has("args") {
        let why = format!(
            "{path} has neither command nor args, so what its image runs is not known; set args, e.g. [dask, worker]"
        );
        return Err(without("NoCommand", &why));
    }
    let words = words(&containers[container]);
    if !has("command") && !begins_with_a_program(&words) {
        let first = shorten(words.first().map_or("", String::as_str), LONGEST_WORD);
        let why = format!(
            "{path}.args[0] {first:?} is not a program that the operator knows, so it may be meant for the image's \
             entry point, which may fail with the agent in front of it; set command with the whole command line"
        );
        return Err(without("EntryPointUnknown", &why));
    }
    Ok(container)
}

/// The path of a name or place in the pod that the agent needs, and its author uses.
fn taken<'v>(spec: &impl Fn(&str) -> &'v Value) -> Option<String> {
    let named = |list: &str| {
        let n = elements(spec(list)).iter().position(|e| e["name"] == names::AGENT)?;
        Some(format!("{list}[{n}].name {:?}", names::AGENT))
    };
    let mounted = |list: &str| {
        elements(spec(list)).iter().enumerate().find_map(|(n, container)| {
            let is_ours =
                |m: &Value| m["mountPath"].as_str().is_some_and(|p| p.trim_end_matches('/') == PATH);
            let m = elements(&container["volumeMounts"]).iter().position(is_ours)?;
            Some(format!("{list}[{n}].volumeMounts[{m}].mountPath {PATH:?}"))
        })
    };
    // Containers and init containers share one space of names.
    ["volumes", "initContainers", "containers"]
        .iter()
        .find_map(|l| named(l))
        .or_else(|| mounted("containers"))
        .or_else(|| mounted("initContainers"))
}

/// Why the agent cannot be the nanny of this container's worker.
fn needs_own_nanny(container: &Value) -> Option<String> {
    let is_set = |v: &&Value| v["name"] == NANNY_PRELOAD;
    if elements(&container["env"]).iter().any(|v| is_set(&v)) {
        return Some(format!("{NANNY_PRELOAD} is for a Nanny of Python"));
    }
    WorkerLine::of(&words(container)).err().map(|why| why.to_string())
}

#[cfg(test)]
mod tests;
