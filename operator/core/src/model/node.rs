//! Nodes that are about to go, as their taints tell, and which pods that concerns.

use std::collections::BTreeMap;

use crate::model::objects::PodRecord;

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

    fn covers(&self, taint: &Taint) -> bool {
        let is = |own: &Option<String>, other: &str| own.as_ref().is_none_or(|o| o == other);
        is(&self.key, &taint.key) && is(&self.value, &taint.value) && is(&self.effect, &taint.effect)
    }
}

/// What the operator remembers of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeRecord {
    /// `metadata.uid`.
    pub uid: String,
    /// Whether it has a deletionTimestamp.
    pub deleting: bool,
    /// Those of its taints that say that it is about to go.
    pub leaving: Vec<Taint>,
}

/// The key of the taint that says that this pod must leave, which runs on this node.
pub fn threat<'a>(pod: &PodRecord, node: &'a NodeRecord) -> Option<&'a str> {
    let concerns = |t: &&Taint| !pod.tolerations.iter().any(|own| own.covers(t));
    node.leaving.iter().find(concerns).map(|t| t.key.as_str())
}

/// Pods whose nodes are about to go, by UID, and the taints that say so. `node` looks up a node by its name.
pub fn threats<'a>(
    pods: impl IntoIterator<Item = &'a PodRecord>,
    node: impl Fn(&str) -> Option<&'a NodeRecord>,
) -> BTreeMap<String, String> {
    let of = |pod: &'a PodRecord| {
        let node = pod.node.as_deref().and_then(&node)?;
        Some((pod.uid.clone(), threat(pod, node)?.to_string()))
    };
    pods.into_iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taint(key: &str, value: &str, effect: &str) -> Taint {
        Taint { key: key.into(), value: value.into(), effect: effect.into() }
    }

    #[test]
    fn what_announces_the_end_of_a_node() {
        for (key, effect, announces) in [
            ("karpenter.sh/disrupted", "NoSchedule", true),
            ("ToBeDeletedByClusterAutoscaler", "NoSchedule", true),
            ("DeletionCandidateOfClusterAutoscaler", "PreferNoSchedule", false),
            ("aws-node-termination-handler/spot-itn", "NoSchedule", true),
            ("aws-node-termination-handler/spot-itn", "PreferNoSchedule", false),
            ("cloud.google.com/impending-node-termination", "NoExecute", true),
            ("example.com/maintenance", "NoExecute", true),
            ("example.com/gpu", "NoSchedule", false),
            ("node.kubernetes.io/unschedulable", "NoSchedule", false),
            ("node.kubernetes.io/unreachable", "NoExecute", false),
        ] {
            assert_eq!(taint(key, "", effect).announces(), announces, "{key}:{effect}");
        }
    }

    #[test]
    fn a_pod_that_tolerates_the_taint_stays() {
        let node = NodeRecord { leaving: vec![taint("a/b", "v", "NoExecute")], ..NodeRecord::default() };
        let text = |t: &str| Some(t.to_string());
        for (toleration, stays) in [
            (Toleration::default(), true),
            (Toleration { key: text("a/b"), ..Toleration::default() }, true),
            (Toleration { key: text("a/b"), value: text("v"), effect: text("NoExecute") }, true),
            (Toleration { key: text("a/b"), value: text("w"), effect: None }, false),
            (Toleration { key: text("a/b"), value: None, effect: text("NoSchedule") }, false),
            (Toleration { key: text("other"), ..Toleration::default() }, false),
        ] {
            let pod = PodRecord { tolerations: vec![toleration.clone()], ..PodRecord::default() };
            assert_eq!(threat(&pod, &node).is_none(), stays, "{toleration:?}");
        }
        assert_eq!(threat(&PodRecord::default(), &node), Some("a/b"));
    }
}
