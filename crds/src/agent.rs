//! The agent that worker pods can run under, as a worker's spec names it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The agent: the parent process of the worker's own command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentSpec {
    /// What the agent does. Default: the operator's `--agent-mode`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<AgentMode>,
    /// In mode `Full`, `false` leaves the worker's dashboard off, unless its command line has an option for it. Absent:
    /// as the command line says; the dashboard is loaded at the first request to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dashboard: Option<bool>,
}

/// What the agent does. `Drain`: it copies results to other workers before a pod ends. `Full`: and it takes the place
/// of Dask's own Nanny, where the command is that of a plain worker. `Disabled`: there is none. Default: the operator's
/// `--agent-mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AgentMode {
    /// There is none: the pod runs what its spec says.
    Disabled,
    /// Results are copied to other workers before a pod ends.
    #[default]
    Drain,
    /// And the agent takes the place of Dask's own Nanny, where the command is that of a plain worker.
    Full,
}

impl AgentMode {
    /// Its name, as a spec has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disabled => "Disabled",
            Self::Drain => "Drain",
            Self::Full => "Full",
        }
    }
}
