//! Nodes that are about to go, as their taints tell, and which pods that concerns.

use std::collections::BTreeMap;

pub use crate::model::taints::{Taint, Toleration};

use crate::model::{pod::PodRecord, uid::Uid};

/// What the operator remembers of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeRecord {
    /// `metadata.uid`.
    pub uid: Uid,
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
) -> BTreeMap<Uid, String> {
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
