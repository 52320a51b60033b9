//! What the watches have shown: slim records, indexed by what is asked of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use dask_operator_core::record::{Autoscaler, Cluster, DeploymentRecord, Group, PodRecord, ServiceRecord};

use crate::subject::{Key, Subject};

/// All records of one kind.
pub type Store<R> = BTreeMap<Key, Arc<R>>;

/// What the watches have shown.
#[derive(Debug, Default)]
pub struct Cache {
    /// DaskClusters.
    pub clusters: Store<Cluster>,
    /// DaskWorkerGroups.
    pub groups: Store<Group>,
    /// DaskAutoscalers.
    pub autoscalers: Store<Autoscaler>,
    /// Scheduler Deployments.
    pub deployments: Store<DeploymentRecord>,
    /// Scheduler Services.
    pub services: Store<ServiceRecord>,
    /// Worker and scheduler pods.
    pub pods: Store<PodRecord>,
    workers_of: BTreeMap<String, BTreeSet<Key>>,
    schedulers_of: BTreeMap<Key, BTreeSet<Key>>,
    groups_by_uid: BTreeMap<String, Key>,
}

impl Cache {
    /// The group with this UID.
    pub fn group_by_uid(&self, uid: &str) -> Option<&Arc<Group>> {
        self.groups.get(self.groups_by_uid.get(uid)?)
    }

    /// Worker pods that the owner with this UID controls, sorted by name.
    pub fn workers_of(&self, owner_uid: &str) -> Vec<Arc<PodRecord>> {
        let keys = self.workers_of.get(owner_uid);
        keys.into_iter().flatten().filter_map(|k| self.pods.get(k).cloned()).collect()
    }

    /// Pods labelled as scheduler of this cluster, sorted by name.
    pub fn schedulers_of(&self, cluster: &Key) -> Vec<Arc<PodRecord>> {
        let keys = self.schedulers_of.get(cluster);
        keys.into_iter().flatten().filter_map(|k| self.pods.get(k).cloned()).collect()
    }

    /// Groups of this cluster, sorted by name.
    pub fn groups_of<'a>(&'a self, cluster: &'a Key) -> impl Iterator<Item = &'a Arc<Group>> {
        in_namespace(&self.groups, &cluster.0).filter(|g| g.spec.cluster == cluster.1)
    }

    /// Autoscalers of this namespace, sorted by name.
    pub fn autoscalers_in<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Arc<Autoscaler>> {
        in_namespace(&self.autoscalers, namespace)
    }

    /// Every object of ours.
    pub fn subjects(&self) -> Vec<Subject> {
        let clusters = self.clusters.keys().cloned().map(Subject::Cluster);
        let groups = self.groups.keys().cloned().map(Subject::Group);
        let autoscalers = self.autoscalers.keys().cloned().map(Subject::Autoscaler);
        clusters.chain(groups).chain(autoscalers).collect()
    }

    pub(crate) fn index_pod(&mut self, key: &Key, pod: &PodRecord, present: bool) {
        if pod.is_scheduler {
            index(&mut self.schedulers_of, (key.0.clone(), pod.cluster.clone()), key, present);
        } else if let Some(owner) = &pod.owner_uid {
            index(&mut self.workers_of, owner.clone(), key, present);
        }
    }

    pub(crate) fn index_group(&mut self, key: &Key, group: &Group, present: bool) {
        if present {
            self.groups_by_uid.insert(group.meta.uid.clone(), key.clone());
        } else {
            self.groups_by_uid.remove(&group.meta.uid);
        }
    }
}

fn index<K: Ord + Clone>(index: &mut BTreeMap<K, BTreeSet<Key>>, by: K, key: &Key, present: bool) {
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
    let from = (namespace.to_string(), String::new());
    store.range(from..).take_while(move |(k, _)| k.0 == namespace).map(|(_, r)| r)
}
