//! Kinds of objects that are acted on.

/// Kinds of objects that are patched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// DaskCluster.
    Cluster,
    /// DaskWorkerGroup.
    Group,
    /// DaskAutoscaler.
    Autoscaler,
    /// DaskJob.
    Job,
    /// Deployment.
    Deployment,
    /// Service.
    Service,
    /// Pod.
    Pod,
}
