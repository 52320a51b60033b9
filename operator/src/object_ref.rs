//! What is reconciled: an object of ours by kind, namespace and name, or all autoscalers of a cluster.

/// Namespace and name of an object.
pub type Key = (String, String);

/// An object of ours, or several that are decided on together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectRef {
    /// A DaskCluster.
    Cluster(Key),
    /// A DaskWorkerGroup.
    Group(Key),
    /// The DaskAutoscalers of the cluster of this name: they are decided on together.
    Autoscalers(Key),
    /// A DaskJob.
    Job(Key),
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
    pub fn key(&self) -> &Key {
        match self {
            Self::Cluster(key) | Self::Group(key) | Self::Autoscalers(key) | Self::Job(key) => key,
        }
    }
}
