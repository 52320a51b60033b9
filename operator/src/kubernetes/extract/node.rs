//! What is kept of nodes, and of what pods say of nodes.

use dask_operator_core::model::node::{self, NodeRecord};

use super::key;
use crate::{
    kubernetes::partial_types::{RawNode, Taint, Toleration},
    object_ref::ObjectKey,
};

/// What a pod bears, if that can matter.
pub(crate) fn toleration(raw: Toleration) -> Option<node::Toleration> {
    let is_any = raw.operator.as_deref() == Some("Exists");
    let some = |text: Option<String>| text.filter(|t| !t.is_empty());
    let value = if is_any { None } else { Some(raw.value.unwrap_or_default()) };
    Some(node::Toleration { key: some(raw.key), value, effect: some(raw.effect) })
        .filter(node::Toleration::matters)
}

/// What is kept of a node.
pub fn node(raw: RawNode) -> Option<(ObjectKey, NodeRecord)> {
    let (key, meta) = (key(&raw.metadata)?, raw.metadata);
    let taint = |t: Taint| node::Taint { key: t.key, value: t.value.unwrap_or_default(), effect: t.effect };
    let record = NodeRecord {
        deleting: meta.deletion_timestamp.is_some(),
        uid: meta.uid.unwrap_or_default().into(),
        leaving: raw
            .spec
            .unwrap_or_default()
            .taints
            .into_iter()
            .map(taint)
            .filter(node::Taint::announces)
            .collect(),
    };
    Some((key, record))
}
