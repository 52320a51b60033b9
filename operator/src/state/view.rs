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
        Subject::Autoscaler(_) => &[Autoscalers::PLURAL, Groups::PLURAL, Clusters::PLURAL, Pods::PLURAL],
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
        let unseen = |s: &Subject| self.unreadable.contains_key(s) && self.uid(s).is_none();
        let other = others(&self.cache, subject).into_iter().find(unseen)?;
        Some(Blind::Unreadable { kind: other.kind(), name: other.key().1.clone() })
    }

    /// For how long all that a decision about `subject` rests on has been in sync; zero: it is not.
    pub(super) fn in_sync_for(&self, subject: &Subject) -> Duration {
        let namespace = &subject.key().0;
        let each = rests_on(subject).iter().map(|r| self.views.in_sync_for(r, namespace));
        each.map(Option::unwrap_or_default).min().unwrap_or_default()
    }

    /// What is known of `subject`, if it cannot be decoded.
    pub fn unreadable(&self, subject: &Subject) -> Option<&Unreadable> {
        self.unreadable.get(subject)
    }

    /// Objects that cannot be decoded.
    pub fn all_unreadable(&self) -> impl Iterator<Item = &Subject> {
        self.unreadable.keys()
    }

    /// An object is there, and cannot be decoded. What was known of it stays known, unless that was another one of
    /// its name. Answers who must be looked at.
    pub fn is_unreadable<K: Cached>(&mut self, key: &Key, what: Unreadable) -> BTreeSet<Subject> {
        let before = K::store(&mut self.cache).get(key).cloned();
        let is_another = before.is_some_and(|r| K::version(&r).0 != what.meta.uid);
        let mut touched = if is_another { self.remove::<K>(key) } else { BTreeSet::new() };
        if let Some(own) = K::own(key) {
            self.unreadable.insert(own.clone(), what);
            touched.insert(own);
        }
        touched
    }

    /// An object can be decoded, or is gone.
    pub(super) fn readable<K: Cached>(&mut self, key: &Key) {
        if !self.unreadable.is_empty()
            && let Some(own) = K::own(key)
        {
            self.unreadable.remove(&own);
        }
    }

    /// Of the objects of one kind in this namespace (or in all) only these are there.
    pub(super) fn retain_unreadable<K: Cached>(&mut self, namespace: Option<&str>, present: &BTreeSet<Key>) {
        self.unreadable.retain(|subject, _| {
            let key = subject.key();
            let is_listed = K::own(key).as_ref() == Some(subject) && namespace.is_none_or(|n| n == key.0);
            !is_listed || present.contains(key)
        });
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
        Subject::Autoscaler(_) => {
            let of = cache.autoscalers.get(key);
            let both = of.map(|a| {
                [Subject::Cluster(beside(&a.spec.cluster)), Subject::Group(beside(&autoscale::group_name(a)))]
            });
            both.into_iter().flatten().collect()
        }
        Subject::Job(_) => vec![Subject::Cluster(key.clone())],
    }
}

#[cfg(test)]
mod tests;
