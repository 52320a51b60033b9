//! What can happen in a world: people, machines, schedulers and networks, one deed each.

use std::time::Duration;

use serde_json::Value;

use crate::{dask::Mood, network::Rates};

/// One deed.
#[derive(Clone, Debug)]
pub enum Act {
    /// A user creates an object.
    Create(Value),
    /// A user scales a worker group, as `kubectl scale` and KubeCluster do.
    Scale {
        /// The group.
        group: String,
        /// How many workers it is to have.
        replicas: i64,
    },
    /// A user merge-patches an object.
    Edit {
        /// Its resource.
        resource: &'static str,
        /// Its name.
        name: String,
        /// The patch.
        patch: Value,
    },
    /// A user deletes an object.
    Delete {
        /// Its resource.
        resource: &'static str,
        /// Its name.
        name: String,
        /// `Background`, `Foreground` or `Orphan`.
        propagation: &'static str,
    },
    /// Work comes.
    Submit {
        /// The cluster that it is for.
        cluster: String,
        /// How many tasks.
        tasks: usize,
        /// How long each takes.
        takes: Duration,
        /// Bytes of each result; 0: none is kept.
        result: u64,
    },
    /// A client puts data on a worker, which cannot be computed again.
    Scatter {
        /// The cluster.
        cluster: String,
        /// Bytes.
        size: u64,
        /// The worker, counted through those that stay.
        nth: usize,
    },
    /// All workers of a cluster begin a P2P shuffle.
    Shuffle {
        /// The cluster.
        cluster: String,
        /// How long it takes, if all stay.
        takes: Duration,
    },
    /// All workers are thrown out of their nodes at once.
    EvictAll,
    /// All workers are told to end at once, as when all nodes are drained.
    DrainAll,
    /// No client needs any result any more.
    Release {
        /// The cluster.
        cluster: String,
    },
    /// A scheduler behaves like this from now on.
    Mood {
        /// The cluster.
        cluster: String,
        /// How.
        mood: Mood,
    },
    /// A scheduler answers nothing for so long.
    Silence {
        /// The cluster.
        cluster: String,
        /// How long.
        time: Duration,
    },
    /// A scheduler's process dies, and is started again in its pod.
    KillScheduler {
        /// The cluster.
        cluster: String,
    },
    /// From now on workers outlive their scheduler and join the next one, as those with an agent do. Where that is so from
    /// the beginning, the operators have an agent to give, and workers under it leave before their pods end.
    Agents,
    /// Something happens to a pod.
    Pod {
        /// Counted through all live pods of workers, or of schedulers.
        nth: usize,
        /// A scheduler's and not a worker's.
        scheduler: bool,
        /// What.
        fate: PodFate,
    },
    /// A user makes pods that have the names of a group's next pods.
    Squat {
        /// The group.
        group: String,
        /// The first and the last of the pods' numbers.
        numbers: (i64, i64),
    },
    /// From now on no image can be pulled, or again.
    Images {
        /// Whether they can.
        good: bool,
    },
    /// A node says that it is about to go, and is gone after so long, with its pods. Another one takes its place.
    NodeLeaves {
        /// How long it is still there.
        time: Duration,
    },
    /// From now on there is no room on any node, or again.
    Nodes {
        /// Whether there is.
        room: bool,
    },
    /// Creating objects of a resource is refused.
    Forbid {
        /// The resource.
        resource: &'static str,
        /// With this code.
        code: u16,
        /// For so long.
        time: Duration,
    },
    /// Operators see what happens to a resource so much later.
    Lag {
        /// The resource.
        resource: &'static str,
        /// How much.
        time: Duration,
    },
    /// No operator can list or watch a resource, and its watches end.
    Unseen {
        /// The resource.
        resource: &'static str,
        /// For so long.
        time: Duration,
    },
    /// The webhook that is asked for each write in a namespace fails.
    Webhook {
        /// The namespace.
        namespace: &'static str,
        /// After it hung for so long.
        hangs: Duration,
        /// For so long.
        time: Duration,
    },
    /// A user makes clusters without workers in another namespace, which has no machines.
    Crowd {
        /// The namespace.
        namespace: &'static str,
        /// How many.
        clusters: usize,
    },
    /// A user deletes all clusters of a namespace.
    Disperse {
        /// The namespace.
        namespace: &'static str,
    },
    /// All watches of all operators end; what happens while they are down is not told.
    Cut {
        /// The API server has forgotten what they saw last.
        gone: bool,
    },
    /// The API server cannot be reached.
    Away {
        /// For so long.
        time: Duration,
    },
    /// An operator dies, and another one takes its place.
    Crash {
        /// Counted from 0.
        operator: usize,
    },
    /// An operator does not get through; what it sends arrives late.
    Freeze {
        /// Counted from 0.
        operator: usize,
        /// For so long.
        time: Duration,
    },
    /// The clock of an operator's machine is wrong from now on.
    Skew {
        /// Counted from 0.
        operator: usize,
        /// By so many seconds.
        seconds: i64,
    },
    /// Requests go wrong by chance, this often.
    Rates(Rates),
}

/// What happens to a pod.
#[derive(Clone, Copy, Debug)]
pub enum PodFate {
    /// A user deletes it.
    Deleted,
    /// Its node throws it out.
    Evicted,
    /// A user takes its owner references off.
    Stripped,
    /// Its process ends with this code.
    Ends(i64),
    /// Its node is gone for so long.
    NodeLost(Duration),
    /// Its process stops sending heartbeats for so long.
    Hangs(Duration),
}
