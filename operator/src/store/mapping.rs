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
        uid::Uid,
    },
};

use crate::{
    object_ref::{ObjectKey, ObjectRef},
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

impl Cached for Clusters {
    type Record = Cluster;
    const PLURAL: &'static str = "daskclusters";

    fn store(cache: &mut Cache) -> &mut Store<Cluster> {
        &mut cache.clusters
    }
    fn version(r: &Cluster) -> (&Uid, &str, bool) {
        (&r.meta.uid, &r.meta.resource_version, r.meta.deleting)
    }
    fn own(_: &Cache, key: &ObjectKey, _: &Cluster) -> Option<ObjectRef> {
        Some(ObjectRef::Cluster(key.clone()))
    }
    fn subjects(cache: &Cache, key: &ObjectKey, _: &Cluster) -> BTreeSet<ObjectRef> {
        let mut out = BTreeSet::from([ObjectRef::Cluster(key.clone())]);
        out.extend(cache.groups_of(key).map(|g| ObjectRef::Group(key.beside(&g.meta.name))));
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
    fn version(r: &Group) -> (&Uid, &str, bool) {
        (&r.meta.uid, &r.meta.resource_version, r.meta.deleting)
    }
    fn own(_: &Cache, key: &ObjectKey, _: &Group) -> Option<ObjectRef> {
        Some(ObjectRef::Group(key.clone()))
    }
    fn subjects(cache: &Cache, key: &ObjectKey, group: &Group) -> BTreeSet<ObjectRef> {
        let mut out = BTreeSet::from([ObjectRef::Group(key.clone())]);
        if key.name == default_group(&group.spec.cluster) {
            out.insert(ObjectRef::Cluster(key.beside(&group.spec.cluster)));
        }
        out.extend(autoscalers(cache, &key.beside(&group.spec.cluster)));
        out
    }
    fn index(cache: &mut Cache, key: &ObjectKey, record: &Group, present: bool) {
        cache.index_group(key, record, present);
    }
}

impl Cached for Autoscalers {
    type Record = Autoscaler;
    const PLURAL: &'static str = "daskautoscalers";

    fn store(cache: &mut Cache) -> &mut Store<Autoscaler> {
        &mut cache.autoscalers
    }
    fn version(r: &Autoscaler) -> (&Uid, &str, bool) {
        (&r.meta.uid, &r.meta.resource_version, r.meta.deleting)
    }
    fn own(cache: &Cache, key: &ObjectKey, record: &Autoscaler) -> Option<ObjectRef> {
        let cluster = key.beside(&record.spec.cluster);
        // What they wait for ends with the last of them.
        autoscalers(cache, &cluster).is_none().then_some(ObjectRef::Autoscalers(cluster))
    }
    fn subjects(_: &Cache, key: &ObjectKey, record: &Autoscaler) -> BTreeSet<ObjectRef> {
        let group = autoscaler::group_name(record);
        let cluster = key.beside(&record.spec.cluster);
        BTreeSet::from([ObjectRef::Autoscalers(cluster), ObjectRef::Group(key.beside(&group))])
    }
}

impl Cached for Jobs {
    type Record = Job;
    const PLURAL: &'static str = "daskjobs";

    fn store(cache: &mut Cache) -> &mut Store<Job> {
        &mut cache.jobs
    }
    fn version(r: &Job) -> (&Uid, &str, bool) {
        (&r.meta.uid, &r.meta.resource_version, r.meta.deleting)
    }
    fn own(_: &Cache, key: &ObjectKey, _: &Job) -> Option<ObjectRef> {
        Some(ObjectRef::Job(key.clone()))
    }
    fn subjects(_: &Cache, key: &ObjectKey, _: &Job) -> BTreeSet<ObjectRef> {
        BTreeSet::from([ObjectRef::Job(key.clone())])
    }
}

impl Cached for Pods {
    type Record = PodRecord;
    const PLURAL: &'static str = "pods";

    fn store(cache: &mut Cache) -> &mut Store<PodRecord> {
        &mut cache.pods
    }
    fn version(r: &PodRecord) -> (&Uid, &str, bool) {
        (&r.uid, &r.resource_version, r.deleting)
    }
    fn subjects(cache: &Cache, key: &ObjectKey, pod: &PodRecord) -> BTreeSet<ObjectRef> {
        if pod.is_scheduler {
            let cluster = key.beside(&pod.cluster);
            let mut out = BTreeSet::from([ObjectRef::Cluster(cluster.clone())]);
            out.extend(cache.groups_of(&cluster).map(|g| ObjectRef::Group(key.beside(&g.meta.name))));
            return out;
        }
        if let Some(job) = pod.name.strip_suffix("-runner").filter(|_| pod.runner.is_some()) {
            return BTreeSet::from([ObjectRef::Job(key.beside(job))]);
        }
        if let Some(group) = pod.stray_of() {
            return BTreeSet::from([ObjectRef::Group(key.beside(group))]);
        }
        let deployment = pod.deployment.as_ref().and_then(|d| cache.deployments.get(&key.beside(d)));
        let owner = match deployment {
            Some(d) => d.owners.iter().find(|o| o.controller).map(|o| &o.uid),
            None => pod.owner_uid.as_ref(),
        };
        let group = owner.and_then(|uid| cache.group_by_uid(uid));
        group.map(|g| ObjectRef::Group(key.beside(&g.meta.name))).into_iter().collect()
    }
    fn last_words(pod: &PodRecord) -> Option<&str> {
        pod.agent.last_words.as_deref()
    }
    fn index(cache: &mut Cache, key: &ObjectKey, record: &PodRecord, present: bool) {
        cache.index_pod(key, record, present);
    }
}

impl Cached for Deployments {
    type Record = DeploymentRecord;
    const PLURAL: &'static str = "deployments";

    fn store(cache: &mut Cache) -> &mut Store<DeploymentRecord> {
        &mut cache.deployments
    }
    fn version(r: &DeploymentRecord) -> (&Uid, &str, bool) {
        (&r.uid, &r.resource_version, r.deleting)
    }
    fn index(cache: &mut Cache, key: &ObjectKey, record: &DeploymentRecord, present: bool) {
        cache.index_deployment(key, record, present);
    }
    fn subjects(_: &Cache, key: &ObjectKey, r: &DeploymentRecord) -> BTreeSet<ObjectRef> {
        if r.is_worker {
            let groups = r.owners.iter().filter(|o| o.kind == "DaskWorkerGroup");
            return groups.map(|o| ObjectRef::Group(key.beside(&o.name))).collect();
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
    fn version(r: &ServiceRecord) -> (&Uid, &str, bool) {
        (&r.uid, &r.resource_version, r.deleting)
    }
    fn subjects(_: &Cache, key: &ObjectKey, r: &ServiceRecord) -> BTreeSet<ObjectRef> {
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
    fn version(r: &NodeRecord) -> (&Uid, &str, bool) {
        (&r.uid, "", r.deleting)
    }
    fn subjects(cache: &Cache, key: &ObjectKey, node: &NodeRecord) -> BTreeSet<ObjectRef> {
        if node.leaving.is_empty() {
            return BTreeSet::new();
        }
        let on_it = cache.pods.iter().filter(|(_, p)| p.node.as_deref() == Some(&key.name));
        on_it.flat_map(|(k, p)| Pods::subjects(cache, k, p)).collect()
    }
}

/// The autoscalers of this cluster, if it has any.
fn autoscalers(cache: &Cache, cluster: &ObjectKey) -> Option<ObjectRef> {
    let has_any = cache.autoscalers_of(cluster).next().is_some();
    has_any.then(|| ObjectRef::Autoscalers(cluster.clone()))
}

fn owner_cluster(key: &ObjectKey, label: Option<&String>, owners: &[Owner]) -> BTreeSet<ObjectRef> {
    let owners = owners.iter().filter(|o| o.kind == "DaskCluster").map(|o| o.name.as_str());
    label.map(String::as_str).into_iter().chain(owners).map(|c| ObjectRef::Cluster(key.beside(c))).collect()
}
