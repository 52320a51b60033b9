//! What is reconciled: an object of ours by kind, namespace and name, or all autoscalers of a cluster.

use dask_operator_core::model::object::Meta;

/// Namespace and name of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Its namespace; empty for a node.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ObjectKey {
    /// The object of this name in this namespace.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The object that has this metadata.
    pub fn of(meta: &Meta) -> Self {
        Self::new(meta.namespace.as_str(), meta.name.as_str())
    }

    /// Another object of the same namespace.
    pub fn beside(&self, name: impl Into<String>) -> Self {
        Self::new(self.namespace.clone(), name)
    }
}

/// An object of ours, or several that are decided on together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectRef {
    /// A DaskCluster.
    Cluster(ObjectKey),
    /// A DaskWorkerGroup.
    Group(ObjectKey),
    /// The DaskAutoscalers of the cluster of this name: they are decided on together.
    Autoscalers(ObjectKey),
    /// A DaskJob.
    Job(ObjectKey),
}

impl ObjectRef {
    /// The object's kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Cluster(_) => "DaskCluster",
            Self::Group(_) => "DaskWorkerGroup",
            Self::Autoscalers(_) => "DaskAutoscaler",
            Self::Job(_) => "DaskJob",
        }
    }

    /// The object's namespace and name; the cluster's, for autoscalers.
    pub fn key(&self) -> &ObjectKey {
        match self {
            Self::Cluster(key) | Self::Group(key) | Self::Autoscalers(key) | Self::Job(key) => key,
        }
    }
}
