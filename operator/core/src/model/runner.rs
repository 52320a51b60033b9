//! What is kept of the pod that runs a job's program.

use std::collections::BTreeMap;

use crate::model::{owner::Owner, time::Timestamp, uid::Uid};

/// What is remembered of the pod that runs a job's program.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Runner {
    /// Name of the container that runs the program, as the pod says it.
    pub main: Option<String>,
    /// UID of the job that it was made for, as the pod says it.
    pub job: Option<Uid>,
    /// Names of its containers in their order, injected ones among them.
    pub names: Vec<String>,
    /// Its containers by name.
    pub containers: BTreeMap<String, ContainerRecord>,
    /// `metadata.deletionTimestamp`: when it should be gone.
    pub gone_by: Option<Timestamp>,
    /// `metadata.ownerReferences`, as they are.
    pub owners: Vec<Owner>,
    /// Annotations that kopf left on it.
    pub kopf: Vec<String>,
    /// Whether a container that ended well is started again (`restartPolicy: Always`).
    pub restarts_always: bool,
    /// Whether a container that ended badly stays ended (`restartPolicy: Never`).
    pub restarts_never: bool,
    /// `spec.activeDeadlineSeconds`.
    pub deadline: Option<i64>,
}

/// What is remembered of a runner's container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerRecord {
    /// When it last started, if it ever did.
    pub started: Option<Timestamp>,
    /// How it ended, while it does not run.
    pub end: Option<End>,
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Exit code.
    pub code: i64,
    /// When.
    pub at: Option<Timestamp>,
    /// Kubernetes' word for it (`Completed`, `Error`, `OOMKilled`).
    pub reason: String,
}
