//! What the watches have shown: slim records, indexed by what is asked of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use dask_operator_core::model::{
    deployment::DeploymentRecord,
    node::{self, NodeRecord},
    object::{Autoscaler, Cluster, Group, Job},
    pod::PodRecord,
    service::ServiceRecord,
    uid::Uid,
};

use crate::object_ref::{ObjectKey, ObjectRef};

/// All records of one kind.
pub type Store<R> = BTreeMap<ObjectKey, Arc<R>>;

/// What the watches have shown.
#[derive(Debug, Default)]
pub struct Cache {
    /// DaskClusters.
    pub clusters: Store<Cluster>,
    /// DaskWorkerGroups.
    pub groups: Store<Group>,
    /// DaskAutoscalers.
    pub autoscalers: Store<Autoscaler>,
    /// DaskJobs.
    pub jobs: Store<Job>,
    /// Deployments of schedulers, and of workers that dask-kubernetes made.
    pub deployments: Store<DeploymentRecord>,
    /// Scheduler Services.
    pub services: Store<ServiceRecord>,
    /// Pods of workers, schedulers and jobs.
    pub pods: Store<PodRecord>,
    /// Nodes, where they are watched; in no namespace.
    pub nodes: Store<NodeRecord>,
    workers_of: BTreeMap<Uid, BTreeSet<ObjectKey>>,
    schedulers_of: BTreeMap<ObjectKey, BTreeSet<ObjectKey>>,
    deployments_of: BTreeMap<Uid, BTreeSet<ObjectKey>>,
    pods_of: BTreeMap<ObjectKey, BTreeSet<ObjectKey>>,
    strays_of: BTreeMap<ObjectKey, BTreeSet<ObjectKey>>,
    groups_by_uid: BTreeMap<Uid, ObjectKey>,
}

impl Cache {
    /// The group with this UID.
    pub fn group_by_uid(&self, uid: &Uid) -> Option<&Arc<Group>> {
        self.groups.get(self.groups_by_uid.get(uid)?)
    }

    /// Workers that the owner with this UID controls, sorted by name: pods, and Deployments that
    /// dask-kubernetes made, each with its pod.
    pub fn workers_of(&self, owner_uid: &Uid) -> Vec<Arc<PodRecord>> {
        let keys = self.workers_of.get(owner_uid);
        let mut workers: Vec<_> =
            keys.into_iter().flatten().filter_map(|k| self.pods.get(k).cloned()).collect();
        let taken_over = self.deployments_of.get(owner_uid);
        workers.extend(taken_over.into_iter().flatten().filter_map(|k| self.taken_over(k)));
        if taken_over.is_some() {
            workers.sort_by(|a, b| a.name.cmp(&b.name));
        }
        workers
    }

    fn taken_over(&self, key: &ObjectKey) -> Option<Arc<PodRecord>> {
        let pods = self.pods_of.get(key);
        let pods: Vec<&PodRecord> =
            pods.into_iter().flatten().filter_map(|k| self.pods.get(k).map(AsRef::as_ref)).collect();
        PodRecord::of_deployment(&key.name, self.deployments.get(key)?, &pods).map(Arc::new)
    }

    /// Pods with the labels of this group's workers that nothing controls, sorted by name.
    pub fn strays_of(&self, group: &ObjectKey) -> Vec<Arc<PodRecord>> {
        let keys = self.strays_of.get(group);
        keys.into_iter().flatten().filter_map(|k| self.pods.get(k).cloned()).collect()
    }

    /// Pods labelled as scheduler of this cluster, sorted by name.
    pub fn schedulers_of(&self, cluster: &ObjectKey) -> Vec<Arc<PodRecord>> {
        let keys = self.schedulers_of.get(cluster);
        keys.into_iter().flatten().filter_map(|k| self.pods.get(k).cloned()).collect()
    }

    /// Which of these pods must leave because their nodes are about to go, by UID, and the taints that say so.
    pub fn threats<'a>(&'a self, pods: impl IntoIterator<Item = &'a PodRecord>) -> BTreeMap<Uid, String> {
        let node = |name: &str| self.nodes.get(&ObjectKey::new("", name)).map(AsRef::as_ref);
        node::threats(pods, node)
    }

    /// Groups of this cluster, sorted by name.
    pub fn groups_of<'a>(&'a self, cluster: &'a ObjectKey) -> impl Iterator<Item = &'a Arc<Group>> {
        in_namespace(&self.groups, &cluster.namespace).filter(|g| g.spec.cluster == cluster.name)
    }

    /// Worker pods of all groups of this cluster.
    pub fn workers_of_cluster(&self, cluster: &ObjectKey) -> Vec<Arc<PodRecord>> {
        self.groups_of(cluster).flat_map(|g| self.workers_of(&g.meta.uid)).collect()
    }

    /// Autoscalers that name this cluster, sorted by name.
    pub fn autoscalers_of<'a>(&'a self, cluster: &'a ObjectKey) -> impl Iterator<Item = &'a Arc<Autoscaler>> {
        in_namespace(&self.autoscalers, &cluster.namespace).filter(|a| a.spec.cluster == cluster.name)
    }

    /// How many workers of groups there are, as [`Cache::workers_of`] has them: `starting`, `ready`, `retiring` (chosen to leave), `ending` (being deleted).
    pub fn workers_by_state(&self) -> BTreeMap<&'static str, usize> {
        let mut out: BTreeMap<_, _> = ["starting", "ready", "retiring", "ending"].map(|s| (s, 0)).into();
        for pod in self.groups.values().flat_map(|g| self.workers_of(&g.meta.uid)) {
            let state = match &pod {
                p if p.deleting => "ending",
                p if !p.is_live() => continue,
                p if p.mark.is_some() => "retiring",
                p if p.is_ready() => "ready",
                _ => "starting",
            };
            *out.entry(state).or_default() += 1;
        }
        out
    }

    /// UID of what is reconciled; that of the cluster for its autoscalers.
    pub fn uid(&self, subject: &ObjectRef) -> Option<&Uid> {
        let meta = match subject {
            ObjectRef::Cluster(key) | ObjectRef::Autoscalers(key) => &self.clusters.get(key)?.meta,
            ObjectRef::Group(key) => &self.groups.get(key)?.meta,
            ObjectRef::Job(key) => &self.jobs.get(key)?.meta,
        };
        Some(&meta.uid)
    }

    /// Every object of ours.
    pub fn subjects(&self) -> Vec<ObjectRef> {
        let clusters = self.clusters.keys().cloned().map(ObjectRef::Cluster);
        let groups = self.groups.keys().cloned().map(ObjectRef::Group);
        let scaled = self.autoscalers.iter().map(|(key, a)| key.beside(a.spec.cluster.as_str()));
        let autoscalers = scaled.collect::<BTreeSet<ObjectKey>>().into_iter().map(ObjectRef::Autoscalers);
        let jobs = self.jobs.keys().cloned().map(ObjectRef::Job);
        jobs.chain(clusters).chain(groups).chain(autoscalers).collect()
    }

    pub(crate) fn index_pod(&mut self, key: &ObjectKey, pod: &PodRecord, present: bool) {
        if pod.is_scheduler {
            index(&mut self.schedulers_of, key.beside(pod.cluster.as_str()), key, present);
        } else if let Some(deployment) = &pod.deployment {
            index(&mut self.pods_of, key.beside(deployment.as_str()), key, present);
        } else if let Some(owner) = &pod.owner_uid {
            index(&mut self.workers_of, owner.clone(), key, present);
        } else if let Some(group) = pod.stray_of() {
            index(&mut self.strays_of, key.beside(group), key, present);
        }
    }

    pub(crate) fn index_deployment(&mut self, key: &ObjectKey, deployment: &DeploymentRecord, present: bool) {
        let owner = deployment.owners.iter().find(|o| o.controller && deployment.is_worker);
        if let Some(owner) = owner {
            index(&mut self.deployments_of, owner.uid.clone(), key, present);
        }
    }

    pub(crate) fn index_group(&mut self, key: &ObjectKey, group: &Group, present: bool) {
        if present {
            self.groups_by_uid.insert(group.meta.uid.clone(), key.clone());
        } else {
            self.groups_by_uid.remove(&group.meta.uid);
        }
    }
}

fn index<K: Ord + Clone>(
    index: &mut BTreeMap<K, BTreeSet<ObjectKey>>,
    by: K,
    key: &ObjectKey,
    present: bool,
) {
    let keys = index.entry(by.clone()).or_default();
    if present {
        keys.insert(key.clone());
        return;
    }
    keys.remove(key);
    if keys.is_empty() {
        index.remove(&by);
    }
}

fn in_namespace<'a, R>(store: &'a Store<R>, namespace: &'a str) -> impl Iterator<Item = &'a Arc<R>> {
    let from = ObjectKey::new(namespace, "");
    store.range(from..).take_while(move |(k, _)| k.namespace == namespace).map(|(_, r)| r)
}
