//! How each kind is cached, and who must be looked at when one of its objects changes.

use std::collections::BTreeSet;

use dask_operator_core::{
    autoscaler,
    model::{
        deployment::DeploymentRecord,
        names::{CLUSTER, default_group},
        node::NodeRecord,
        object::{Autoscaler, Cluster, Group, Job},
        owner::Owner,
        pod::PodRecord,
        service::ServiceRecord,
    },
};

use crate::{
    object_ref::{Key, ObjectRef},
    store::{
        Cached,
        cache::{Cache, Store},
    },
};

/// DaskClusters.
#[derive(Debug)]
pub struct Clusters;
/// DaskWorkerGroups.
#[derive(Debug)]
pub struct Groups;
/// DaskAutoscalers.
#[derive(Debug)]
pub struct Autoscalers;
/// DaskJobs.
#[derive(Debug)]
pub struct Jobs;
/// Pods of workers, schedulers and jobs.
#[derive(Debug)]
pub struct Pods;
/// Deployments of schedulers, and of workers that dask-kubernetes made.
#[derive(Debug)]
pub struct Deployments;
/// Scheduler Services.
#[derive(Debug)]
pub struct Services;
/// Nodes.
#[derive(Debug)]
pub struct Nodes;

fn beside(key: &Key, name: &str) -> Key {
    (key.0.clone(), name.to_string())
}

impl Cached for Clusters {
    type Record = Cluster;
    const PLURAL: &'static str = "daskclusters";

    fn store(cache: &mut Cache) -> &mut Store<Cluster> {
        &mut cache.clusters
    }
    fn version(r: &Cluster) -> (&str, &str, bool) {
        (&r.meta.uid, &r.meta.resource_version, r.meta.deleting)
    }
    fn own(_: &Cache, key: &Key, _: &Cluster) -> Option<ObjectRef> {
        Some(ObjectRef::Cluster(key.clone()))
    }
    fn subjects(cache: &Cache, key: &Key, _: &Cluster) -> BTreeSet<ObjectRef> {
        let mut out = BTreeSet::from([ObjectRef::Cluster(key.clone())]);
        out.extend(cache.groups_of(key).map(|g| ObjectRef::Group(beside(key, &g.meta.name))));
        out.extend(autoscalers(cache, key));
        out.extend(cache.jobs.contains_key(key).then(|| ObjectRef::Job(key.clone())));
        out
    }
}

impl Cached for Groups {
    type Record = Group;
    const PLURAL: &'static str = "daskworkergroups";

    fn store(cache: &mut Cache) -> &mut Store<Group> {
        &mut cache.groups
    }
    fn version(r: &Group) -> (&str, &str, bool) {
        (&r.meta.uid, &r.meta.resource_version, r.meta.deleting)
    }
    fn own(_: &Cache, key: &Key, _: &Group) -> Option<ObjectRef> {
        Some(ObjectRef::Group(key.clone()))
    }
    fn subjects(cache: &Cache, key: &Key, group: &Group) -> BTreeSet<ObjectRef> {
        let mut out = BTreeSet::from([ObjectRef::Group(key.clone())]);
        if key.1 == default_group(&group.spec.cluster) {
            out.insert(ObjectRef::Cluster(beside(key, &group.spec.cluster)));
        }
        out.extend(autoscalers(cache, &beside(key, &group.spec.cluster)));
        out
    }
    fn index(cache: &mut Cache, key: &Key, record: &Group, present: bool) {
        cache.index_group(key, record, present);
    }
}

impl Cached for Autoscalers {
    type Record = Autoscaler;
    const PLURAL: &'static str = "daskautoscalers";

    fn store(cache: &mut Cache) -> &mut Store<Autoscaler> {
        &mut cache.autoscalers
    }
    fn version(r: &Autoscaler) -> (&str, &str, bool) {
        (&r.meta.uid, &r.meta.resource_version, r.meta.deleting)
    }
    fn own(cache: &Cache, key: &Key, record: &Autoscaler) -> Option<ObjectRef> {
        let cluster = beside(key, &record.spec.cluster);
        // What they wait for ends with the last of them.
        autoscalers(cache, &cluster).is_none().then_some(ObjectRef::Autoscalers(cluster))
    }
    fn subjects(_: &Cache, key: &Key, record: &Autoscaler) -> BTreeSet<ObjectRef> {
        let group = autoscaler::group_name(record);
        let cluster = beside(key, &record.spec.cluster);
        BTreeSet::from([ObjectRef::Autoscalers(cluster), ObjectRef::Group(beside(key, &group))])
    }
}

impl Cached for Jobs {
    type Record = Job;
    const PLURAL: &'static str = "daskjobs";

    fn store(cache: &mut Cache) -> &mut Store<Job> {
        &mut cache.jobs
    }
    fn version(r: &Job) -> (&str, &str, bool) {
        (&r.meta.uid, &r.meta.resource_version, r.meta.deleting)
    }
    fn own(_: &Cache, key: &Key, _: &Job) -> Option<ObjectRef> {
        Some(ObjectRef::Job(key.clone()))
    }
    fn subjects(_: &Cache, key: &Key, _: &Job) -> BTreeSet<ObjectRef> {
        BTreeSet::from([ObjectRef::Job(key.clone())])
    }
}

impl Cached for Pods {
    type Record = PodRecord;
    const PLURAL: &'static str = "pods";

    fn store(cache: &mut Cache) -> &mut Store<PodRecord> {
        &mut cache.pods
    }
    fn version(r: &PodRecord) -> (&str, &str, bool) {
        (&r.uid, &r.resource_version, r.deleting)
    }
    fn subjects(cache: &Cache, key: &Key, pod: &PodRecord) -> BTreeSet<ObjectRef> {
        if pod.is_scheduler {
            let cluster = beside(key, &pod.cluster);
            let mut out = BTreeSet::from([ObjectRef::Cluster(cluster.clone())]);
            out.extend(cache.groups_of(&cluster).map(|g| ObjectRef::Group(beside(key, &g.meta.name))));
            return out;
        }
        if let Some(job) = pod.name.strip_suffix("-runner").filter(|_| pod.runner.is_some()) {
            return BTreeSet::from([ObjectRef::Job(beside(key, job))]);
        }
        if let Some(group) = pod.stray_of() {
            return BTreeSet::from([ObjectRef::Group(beside(key, group))]);
        }
        let deployment = pod.deployment.as_ref().and_then(|d| cache.deployments.get(&beside(key, d)));
        let owner = match deployment {
            Some(d) => d.owners.iter().find(|o| o.controller).map(|o| o.uid.as_str()),
            None => pod.owner_uid.as_deref(),
        };
        let group = owner.and_then(|uid| cache.group_by_uid(uid));
        group.map(|g| ObjectRef::Group(beside(key, &g.meta.name))).into_iter().collect()
    }
    fn last_words(pod: &PodRecord) -> Option<&str> {
        pod.agent.last_words.as_deref()
    }
    fn index(cache: &mut Cache, key: &Key, record: &PodRecord, present: bool) {
        cache.index_pod(key, record, present);
    }
}

impl Cached for Deployments {
    type Record = DeploymentRecord;
    const PLURAL: &'static str = "deployments";

    fn store(cache: &mut Cache) -> &mut Store<DeploymentRecord> {
        &mut cache.deployments
    }
    fn version(r: &DeploymentRecord) -> (&str, &str, bool) {
        (&r.uid, &r.resource_version, r.deleting)
    }
    fn index(cache: &mut Cache, key: &Key, record: &DeploymentRecord, present: bool) {
        cache.index_deployment(key, record, present);
    }
    fn subjects(_: &Cache, key: &Key, r: &DeploymentRecord) -> BTreeSet<ObjectRef> {
        if r.is_worker {
            let groups = r.owners.iter().filter(|o| o.kind == "DaskWorkerGroup");
            return groups.map(|o| ObjectRef::Group(beside(key, &o.name))).collect();
        }
        owner_cluster(key, r.labels.get(CLUSTER), &r.owners)
    }
}

impl Cached for Services {
    type Record = ServiceRecord;
    const PLURAL: &'static str = "services";

    fn store(cache: &mut Cache) -> &mut Store<ServiceRecord> {
        &mut cache.services
    }
    fn version(r: &ServiceRecord) -> (&str, &str, bool) {
        (&r.uid, &r.resource_version, r.deleting)
    }
    fn subjects(_: &Cache, key: &Key, r: &ServiceRecord) -> BTreeSet<ObjectRef> {
        owner_cluster(key, r.labels.get(CLUSTER), &r.owners)
    }
}

impl Cached for Nodes {
    type Record = NodeRecord;
    const PLURAL: &'static str = "nodes";

    fn store(cache: &mut Cache) -> &mut Store<NodeRecord> {
        &mut cache.nodes
    }
    // Nothing of a node's version is ever waited for.
    fn version(r: &NodeRecord) -> (&str, &str, bool) {
        (&r.uid, "", r.deleting)
    }
    fn subjects(cache: &Cache, key: &Key, node: &NodeRecord) -> BTreeSet<ObjectRef> {
        if node.leaving.is_empty() {
            return BTreeSet::new();
        }
        let on_it = cache.pods.iter().filter(|(_, p)| p.node.as_deref() == Some(&key.1));
        on_it.flat_map(|(k, p)| Pods::subjects(cache, k, p)).collect()
    }
}

/// The autoscalers of this cluster, if it has any.
fn autoscalers(cache: &Cache, cluster: &Key) -> Option<ObjectRef> {
    let has_any = cache.autoscalers_of(cluster).next().is_some();
    has_any.then(|| ObjectRef::Autoscalers(cluster.clone()))
}

fn owner_cluster(key: &Key, label: Option<&String>, owners: &[Owner]) -> BTreeSet<ObjectRef> {
    let owners = owners.iter().filter(|o| o.kind == "DaskCluster").map(|o| o.name.as_str());
    label.map(String::as_str).into_iter().chain(owners).map(|c| ObjectRef::Cluster(beside(key, c))).collect()
}
