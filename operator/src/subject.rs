//! What is reconciled: an object of ours by kind, namespace and name.

/// Namespace and name of an object.
pub type Key = (String, String);

/// An object of ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A DaskCluster.
    Cluster(Key),
    /// A DaskWorkerGroup.
    Group(Key),
    /// A DaskAutoscaler.
    Autoscaler(Key),
    /// A DaskJob.
    Job(Key),
}

impl Subject {
    /// The object's kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Cluster(_) => "DaskCluster",
            Self::Group(_) => "DaskWorkerGroup",
            Self::Autoscaler(_) => "DaskAutoscaler",
            Self::Job(_) => "DaskJob",
        }
    }

    /// The object's namespace and name.
    pub fn key(&self) -> &Key {
        match self {
            Self::Cluster(key) | Self::Group(key) | Self::Autoscaler(key) | Self::Job(key) => key,
        }
    }
}
