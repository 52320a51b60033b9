//! What keeps a pod from running, or ended it.

/// Why a pod does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// One CamelCase word, Kubernetes' own where it has one (`ImagePullBackOff`, `Unschedulable`).
    pub reason: String,
    /// Kubernetes' sentence, shortened.
    pub message: String,
}

/// Reason of the trouble of a pod that was evicted because it used more than its own limits allow.
pub const OWN_LIMIT: &str = "OwnLimitExceeded";
