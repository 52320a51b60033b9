//! Taints of nodes, and tolerations of pods.

/// Taints that announce the removal of a node: Karpenter (since v1, and before), the Cluster
/// Autoscaler, Google's cloud. `DeletionCandidateOfClusterAutoscaler` is only a thought, and cordoning a node
/// (`node.kubernetes.io/unschedulable`) does not say that its pods must leave.
const ANNOUNCED: [&str; 4] = [
    "karpenter.sh/disrupted",
    "karpenter.sh/disruption",
    "ToBeDeletedByClusterAutoscaler",
    "cloud.google.com/impending-node-termination",
];

/// Prefix of the taints of AWS' node termination handler: interruption of a spot instance, maintenance, scaling.
const ANNOUNCED_BY: &str = "aws-node-termination-handler/";

/// Prefix of Kubernetes' own taints. Those that make pods leave tell of a node that does not answer any more.
const OWN: &str = "node.kubernetes.io/";

/// A taint of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value, which may be empty.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

impl Taint {
    /// Whether it says that the node's pods must leave while the node still works.
    pub fn announces(&self) -> bool {
        let is_announced = ANNOUNCED.contains(&self.key.as_str()) || self.key.starts_with(ANNOUNCED_BY);
        let must_leave = self.effect == "NoExecute" && !self.key.starts_with(OWN);
        must_leave || (is_announced && self.effect != "PreferNoSchedule")
    }
}

/// What a pod bears, be it for some seconds: a pod made in its place might come to the same node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Toleration {
    /// Taints with this key; `None`: all.
    pub key: Option<String>,
    /// Taints with this value; `None`: all.
    pub value: Option<String>,
    /// Taints with this effect; `None`: all.
    pub effect: Option<String>,
}

impl Toleration {
    /// Whether it can matter to [`threat`].
    pub fn matters(&self) -> bool {
        self.key.as_ref().is_none_or(|k| !k.starts_with(OWN))
    }

    pub(crate) fn covers(&self, taint: &Taint) -> bool {
        let is = |own: &Option<String>, other: &str| own.as_ref().is_none_or(|o| o == other);
        is(&self.key, &taint.key) && is(&self.value, &taint.value) && is(&self.effect, &taint.effect)
    }
}
