//! Whether what is known of an object can be acted on: watches that are not in sync, and objects that cannot be read.

use std::{collections::BTreeSet, time::Duration};

use dask_operator_core::{
    autoscaler,
    model::{
        names::default_group,
        object::{Group, Meta},
    },
    protocol::stale_view::StaleView,
};

use super::{Cached, State};
use crate::{
    object_ref::{ObjectKey, ObjectRef},
    store::cache::Cache,
    store::mapping::{Autoscalers, Clusters, Deployments, Groups, Jobs, Pods, Services},
};

/// An object of ours that exists and cannot be decoded.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// What is known of it.
    pub meta: Meta,
    /// What the decoder says.
    pub error: String,
}

/// What is watched of the objects that a decision about this one rests on. Nodes are not among them: without the
/// right to see them all goes on.
fn rests_on(subject: &ObjectRef) -> &'static [&'static str] {
    match subject {
        ObjectRef::Cluster(_) => {
            &[Clusters::PLURAL, Groups::PLURAL, Deployments::PLURAL, Services::PLURAL, Pods::PLURAL]
        }
        // Whether an autoscaler acts decides whether a shrink may be forced.
        ObjectRef::Group(_) => {
            &[Groups::PLURAL, Clusters::PLURAL, Autoscalers::PLURAL, Deployments::PLURAL, Pods::PLURAL]
        }
        ObjectRef::Autoscalers(_) => &[Autoscalers::PLURAL, Groups::PLURAL, Clusters::PLURAL, Pods::PLURAL],
        ObjectRef::Job(_) => &[Jobs::PLURAL, Clusters::PLURAL, Pods::PLURAL],
    }
}

impl State {
    /// Why `subject` must not be decided on now, if so.
    pub fn blind(&self, subject: &ObjectRef) -> Option<StaleView> {
        let namespace = &subject.key().namespace;
        let lost = |r: &&&'static str| self.views.in_sync_for(r, namespace).is_none();
        let lost: Vec<&'static str> = rests_on(subject).iter().filter(lost).copied().collect();
        if !lost.is_empty() {
            return Some(StaleView::OutOfSync(lost));
        }
        if self.unreadable.is_empty() {
            return None;
        }
        let unseen = |s: &ObjectRef| self.unreadable(s).is_some() && !is_known(&self.cache, s);
        let other = others(&self.cache, subject).into_iter().find(unseen)?;
        Some(StaleView::Unreadable { kind: other.kind(), name: other.key().name.clone() })
    }

    /// For how long all that a decision about `subject` rests on has been in sync; zero: it is not.
    pub(crate) fn in_sync_for(&self, subject: &ObjectRef) -> Duration {
        let namespace = &subject.key().namespace;
        let each = rests_on(subject).iter().map(|r| self.views.in_sync_for(r, namespace));
        each.map(Option::unwrap_or_default).min().unwrap_or_default()
    }

    /// What is known of `subject`, if it, or one of its objects, cannot be decoded.
    pub fn unreadable(&self, subject: &ObjectRef) -> Option<&Unreadable> {
        if self.unreadable.is_empty() {
            return None;
        }
        objects(&self.cache, subject).into_iter().find_map(|o| self.unreadable.get(&o))
    }

    /// What is known of one object that cannot be decoded.
    pub fn unreadable_object<K: Cached>(&self, key: &ObjectKey) -> Option<&Unreadable> {
        self.unreadable.get(&(K::PLURAL, key.clone()))
    }

    /// Subjects with an object that cannot be decoded.
    pub fn all_unreadable(&self) -> BTreeSet<ObjectRef> {
        self.unreadable.keys().filter_map(|(plural, key)| subject_of(&self.cache, plural, key)).collect()
    }

    /// An object is there, and cannot be decoded. What was known of it stays known, unless that was another one of
    /// its name. Answers who must be looked at.
    pub fn mark_unreadable<K: Cached>(&mut self, key: &ObjectKey, what: Unreadable) -> BTreeSet<ObjectRef> {
        let before = K::store(&mut self.cache).get(key).cloned();
        let is_another = before.is_some_and(|r| *K::version(&r).0 != what.meta.uid);
        let mut enqueue_after = if is_another { self.remove::<K>(key) } else { BTreeSet::new() };
        self.unreadable.insert((K::PLURAL, key.clone()), what);
        enqueue_after.extend(subject_of(&self.cache, K::PLURAL, key));
        enqueue_after
    }

    /// An object can be decoded, or is gone.
    pub(crate) fn readable<K: Cached>(&mut self, key: &ObjectKey) {
        if !self.unreadable.is_empty() {
            self.unreadable.remove(&(K::PLURAL, key.clone()));
        }
    }

    /// Of the objects of one kind in this namespace (or in all) only these are there.
    pub(crate) fn retain_unreadable<K: Cached>(
        &mut self,
        namespace: Option<&str>,
        present: &BTreeSet<ObjectKey>,
    ) {
        self.unreadable.retain(|(plural, key), _| {
            let is_listed = *plural == K::PLURAL && namespace.is_none_or(|n| n == key.namespace);
            !is_listed || present.contains(key)
        });
    }
}

/// Whether the object, or one of them, was decoded once.
fn is_known(cache: &Cache, subject: &ObjectRef) -> bool {
    match subject {
        ObjectRef::Cluster(key) => cache.clusters.contains_key(key),
        ObjectRef::Group(key) => cache.groups.contains_key(key),
        ObjectRef::Job(key) => cache.jobs.contains_key(key),
        ObjectRef::Autoscalers(key) => cache.autoscalers_of(key).next().is_some(),
    }
}

/// The objects that are decided on as this subject, by their resources' plurals.
fn objects(cache: &Cache, subject: &ObjectRef) -> Vec<(&'static str, ObjectKey)> {
    match subject {
        ObjectRef::Cluster(key) => vec![(Clusters::PLURAL, key.clone())],
        ObjectRef::Group(key) => vec![(Groups::PLURAL, key.clone())],
        ObjectRef::Job(key) => vec![(Jobs::PLURAL, key.clone())],
        ObjectRef::Autoscalers(cluster) => {
            let of = cache.autoscalers_of(cluster);
            of.map(|a| (Autoscalers::PLURAL, cluster.beside(a.meta.name.as_str()))).collect()
        }
    }
}

/// The subject that an object of ours belongs to. Which cluster an autoscaler belongs to is known of those that could be
/// decoded once.
fn subject_of(cache: &Cache, plural: &str, key: &ObjectKey) -> Option<ObjectRef> {
    match plural {
        Clusters::PLURAL => Some(ObjectRef::Cluster(key.clone())),
        Groups::PLURAL => Some(ObjectRef::Group(key.clone())),
        Jobs::PLURAL => Some(ObjectRef::Job(key.clone())),
        Autoscalers::PLURAL => {
            let object = cache.autoscalers.get(key)?;
            Some(ObjectRef::Autoscalers(key.beside(object.spec.cluster.as_str())))
        }
        _ => None,
    }
}

/// Other objects of ours that a decision about this one rests on.
fn others(cache: &Cache, subject: &ObjectRef) -> Vec<ObjectRef> {
    let key = subject.key();
    match subject {
        ObjectRef::Cluster(_) => vec![ObjectRef::Group(key.beside(default_group(&key.name)))],
        ObjectRef::Group(_) => {
            let cluster = cache.groups.get(key).map(|g: &std::sync::Arc<Group>| key.beside(&g.spec.cluster));
            cluster.map(ObjectRef::Cluster).into_iter().collect()
        }
        ObjectRef::Autoscalers(cluster) => {
            let groups = cache
                .autoscalers_of(cluster)
                .map(|a| ObjectRef::Group(key.beside(autoscaler::group_name(a))));
            [ObjectRef::Cluster(cluster.clone())].into_iter().chain(groups).collect()
        }
        ObjectRef::Job(_) => vec![ObjectRef::Cluster(key.clone())],
    }
}

#[cfg(test)]
mod tests;
