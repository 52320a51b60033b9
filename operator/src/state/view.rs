//! Whether what is known of an object can be acted on: watches that are not in sync, and objects that cannot be read.

use std::{collections::BTreeSet, time::Duration};

use dask_operator_core::{
    autoscale,
    blind::Blind,
    names::default_group,
    record::{Group, Meta},
};

use super::{Cached, State};
use crate::{
    cache::Cache,
    subject::{Key, Subject},
    watch::kinds::{Autoscalers, Clusters, Deployments, Groups, Jobs, Pods, Services},
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
fn rests_on(subject: &Subject) -> &'static [&'static str] {
    match subject {
        Subject::Cluster(_) => {
            &[Clusters::PLURAL, Groups::PLURAL, Deployments::PLURAL, Services::PLURAL, Pods::PLURAL]
        }
        // Whether an autoscaler acts decides whether a shrink may be forced.
        Subject::Group(_) => {
            &[Groups::PLURAL, Clusters::PLURAL, Autoscalers::PLURAL, Deployments::PLURAL, Pods::PLURAL]
        }
        Subject::Autoscalers(_) => &[Autoscalers::PLURAL, Groups::PLURAL, Clusters::PLURAL, Pods::PLURAL],
        Subject::Job(_) => &[Jobs::PLURAL, Clusters::PLURAL, Pods::PLURAL],
    }
}

impl State {
    /// Why `subject` must not be decided on now, if so.
    pub fn blind(&self, subject: &Subject) -> Option<Blind> {
        let namespace = &subject.key().0;
        let lost = |r: &&&'static str| self.views.in_sync_for(r, namespace).is_none();
        let lost: Vec<&'static str> = rests_on(subject).iter().filter(lost).copied().collect();
        if !lost.is_empty() {
            return Some(Blind::OutOfSync(lost));
        }
        if self.unreadable.is_empty() {
            return None;
        }
        let unseen = |s: &Subject| self.unreadable(s).is_some() && !is_known(&self.cache, s);
        let other = others(&self.cache, subject).into_iter().find(unseen)?;
        Some(Blind::Unreadable { kind: other.kind(), name: other.key().1.clone() })
    }

    /// For how long all that a decision about `subject` rests on has been in sync; zero: it is not.
    pub(super) fn in_sync_for(&self, subject: &Subject) -> Duration {
        let namespace = &subject.key().0;
        let each = rests_on(subject).iter().map(|r| self.views.in_sync_for(r, namespace));
        each.map(Option::unwrap_or_default).min().unwrap_or_default()
    }

    /// What is known of `subject`, if it, or one of its objects, cannot be decoded.
    pub fn unreadable(&self, subject: &Subject) -> Option<&Unreadable> {
        if self.unreadable.is_empty() {
            return None;
        }
        objects(&self.cache, subject).into_iter().find_map(|o| self.unreadable.get(&o))
    }

    /// What is known of one object that cannot be decoded.
    pub fn unreadable_object<K: Cached>(&self, key: &Key) -> Option<&Unreadable> {
        self.unreadable.get(&(K::PLURAL, key.clone()))
    }

    /// Subjects with an object that cannot be decoded.
    pub fn all_unreadable(&self) -> BTreeSet<Subject> {
        self.unreadable.keys().filter_map(|(plural, key)| subject_of(&self.cache, plural, key)).collect()
    }

    /// An object is there, and cannot be decoded. What was known of it stays known, unless that was another one of
    /// its name. Answers who must be looked at.
    pub fn is_unreadable<K: Cached>(&mut self, key: &Key, what: Unreadable) -> BTreeSet<Subject> {
        let before = K::store(&mut self.cache).get(key).cloned();
        let is_another = before.is_some_and(|r| K::version(&r).0 != what.meta.uid);
        let mut touched = if is_another { self.remove::<K>(key) } else { BTreeSet::new() };
        self.unreadable.insert((K::PLURAL, key.clone()), what);
        touched.extend(subject_of(&self.cache, K::PLURAL, key));
        touched
    }

    /// An object can be decoded, or is gone.
    pub(super) fn readable<K: Cached>(&mut self, key: &Key) {
        if !self.unreadable.is_empty() {
            self.unreadable.remove(&(K::PLURAL, key.clone()));
        }
    }

    /// Of the objects of one kind in this namespace (or in all) only these are there.
    pub(super) fn retain_unreadable<K: Cached>(&mut self, namespace: Option<&str>, present: &BTreeSet<Key>) {
        self.unreadable.retain(|(plural, key), _| {
            let is_listed = *plural == K::PLURAL && namespace.is_none_or(|n| n == key.0);
            !is_listed || present.contains(key)
        });
    }
}

/// Whether the object, or one of them, was decoded once.
fn is_known(cache: &Cache, subject: &Subject) -> bool {
    match subject {
        Subject::Cluster(key) => cache.clusters.contains_key(key),
        Subject::Group(key) => cache.groups.contains_key(key),
        Subject::Job(key) => cache.jobs.contains_key(key),
        Subject::Autoscalers(key) => cache.autoscalers_of(key).next().is_some(),
    }
}

/// The objects that are decided on as this subject, by their resources' plurals.
fn objects(cache: &Cache, subject: &Subject) -> Vec<(&'static str, Key)> {
    match subject {
        Subject::Cluster(key) => vec![(Clusters::PLURAL, key.clone())],
        Subject::Group(key) => vec![(Groups::PLURAL, key.clone())],
        Subject::Job(key) => vec![(Jobs::PLURAL, key.clone())],
        Subject::Autoscalers(cluster) => {
            let of = cache.autoscalers_of(cluster);
            of.map(|a| (Autoscalers::PLURAL, (cluster.0.clone(), a.meta.name.clone()))).collect()
        }
    }
}

/// The subject that an object of ours belongs to. Which cluster an autoscaler belongs to is known of those that could be
/// decoded once.
fn subject_of(cache: &Cache, plural: &str, key: &Key) -> Option<Subject> {
    match plural {
        Clusters::PLURAL => Some(Subject::Cluster(key.clone())),
        Groups::PLURAL => Some(Subject::Group(key.clone())),
        Jobs::PLURAL => Some(Subject::Job(key.clone())),
        Autoscalers::PLURAL => {
            let object = cache.autoscalers.get(key)?;
            Some(Subject::Autoscalers((key.0.clone(), object.spec.cluster.clone())))
        }
        _ => None,
    }
}

/// Other objects of ours that a decision about this one rests on.
fn others(cache: &Cache, subject: &Subject) -> Vec<Subject> {
    let key = subject.key();
    let beside = |name: &str| (key.0.clone(), name.to_string());
    match subject {
        Subject::Cluster(_) => vec![Subject::Group(beside(&default_group(&key.1)))],
        Subject::Group(_) => {
            let cluster = cache.groups.get(key).map(|g: &std::sync::Arc<Group>| beside(&g.spec.cluster));
            cluster.map(Subject::Cluster).into_iter().collect()
        }
        Subject::Autoscalers(cluster) => {
            let groups =
                cache.autoscalers_of(cluster).map(|a| Subject::Group(beside(&autoscale::group_name(a))));
            [Subject::Cluster(cluster.clone())].into_iter().chain(groups).collect()
        }
        Subject::Job(_) => vec![Subject::Cluster(key.clone())],
    }
}

#[cfg(test)]
mod tests;
