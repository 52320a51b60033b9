//! Differences in metadata between what an object should have and what it has.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::model::{names, owner::Owner};

/// Metadata that must be there; what else is there stays.
#[derive(Debug, Default)]
pub struct Metadata<'a> {
    patch: Map<String, Value>,
    owners: Option<&'a [Owner]>,
}

impl<'a> Metadata<'a> {
    /// Nothing must change so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// The object must have these labels (`key` `labels`) or annotations.
    #[must_use]
    pub fn strings(
        mut self,
        key: &str,
        want: &BTreeMap<String, String>,
        have: &BTreeMap<String, String>,
    ) -> Self {
        let diff: Map<_, _> = want
            .iter()
            .filter(|(k, v)| have.get(*k) != Some(v))
            .map(|(k, v)| (k.clone(), json!(v)))
            .collect();
        if !diff.is_empty() {
            self.patch.insert(key.into(), diff.into());
        }
        self
    }

    /// The object must be owned by `owner`: as its controller, unless another one is.
    #[must_use]
    pub fn owner(mut self, owner: &Owner, have: &'a [Owner]) -> Self {
        self.owners = Some(have);
        // An owner of the same kind and name with another UID is a former one: it is gone.
        let is_former = |o: &Owner| o.uid != owner.uid && o.kind == owner.kind && o.name == owner.name;
        if have.iter().any(|o| o.uid == owner.uid) && !have.iter().any(is_former) {
            return self;
        }
        let mut owners: Vec<Owner> = have.iter().filter(|o| !is_former(o)).cloned().collect();
        if !owners.iter().any(|o| o.uid == owner.uid) {
            let controlled = owners.iter().any(|o| o.controller);
            owners.push(Owner { controller: !controlled, ..owner.clone() });
        }
        self.patch.insert("ownerReferences".into(), json!(owners));
        self
    }

    /// The object must not have kopf's finalizer, which no running controller would remove, nor its annotations.
    #[must_use]
    pub fn without_kopf(mut self, finalizers: &[String], annotations: &[String]) -> Self {
        if !annotations.is_empty() {
            let patch = self.patch.entry("annotations").or_insert_with(|| json!({}));
            for key in annotations {
                patch[key] = Value::Null;
            }
        }
        if finalizers.iter().any(|f| f == names::KOPF_FINALIZER) {
            let kept: Vec<_> = finalizers.iter().filter(|f| *f != names::KOPF_FINALIZER).collect();
            self.patch.insert("finalizers".into(), json!(kept));
        }
        self
    }

    /// The merge patch of `metadata`, if anything must change.
    pub fn patch(self) -> Option<Value> {
        (!self.patch.is_empty()).then_some(Value::Object(self.patch))
    }
}

/// Whether another object controls it: then the operator does not touch it.
pub fn is_foreign(owners: &[Owner], owner: &Owner) -> bool {
    owners
        .iter()
        .any(|o| o.controller && o.uid != owner.uid && !(o.kind == owner.kind && o.name == owner.name))
}

/// Whether an object of this kind and name owns the object.
pub fn is_owned_by(owners: &[Owner], kind: &str, name: &str) -> bool {
    owners.iter().any(|o| o.kind == kind && o.name == name)
}

/// Whether the object belongs to an earlier object of the owner's name, and is about to go with it.
pub fn is_from_previous_owner(owners: &[Owner], owner: &Owner) -> bool {
    owners.iter().any(|o| o.uid != owner.uid && o.kind == owner.kind && o.name == owner.name)
        && !owners.iter().any(|o| o.uid == owner.uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_do_is_no_patch() {
        let own = Owner::controller("DaskCluster", "c", "1");
        let have = [own.clone()];
        let labels = BTreeMap::from([("a".to_string(), "b".to_string())]);
        let m = Metadata::new().strings("labels", &labels, &labels).owner(&own, &have).without_kopf(&[], &[]);
        assert_eq!(m.patch(), None);
    }

    #[test]
    fn a_second_owner_does_not_take_control() {
        let have = [Owner::controller("Application", "x", "9")];
        let own = Owner::controller("DaskCluster", "c", "1");
        let patch = Metadata::new().owner(&own, &have).patch().unwrap();
        let owners: Vec<Owner> = serde_json::from_value(patch["ownerReferences"].clone()).unwrap();
        assert_eq!(owners.len(), 2);
        assert!(owners[0].controller && !owners[1].controller);
        assert!(is_foreign(&have, &own) && !is_from_previous_owner(&have, &own));
    }

    #[test]
    fn only_what_kopf_left_goes() {
        let f = [names::KOPF_FINALIZER.to_string(), "other/f".to_string()];
        assert_eq!(Metadata::new().without_kopf(&f, &[]).patch(), Some(json!({"finalizers": ["other/f"]})));
        let mine = BTreeMap::from([("a".to_string(), "b".to_string())]);
        let patch = Metadata::new().strings("annotations", &mine, &BTreeMap::new());
        let patch = patch.without_kopf(&[], &["kopf.zalando.org/x".to_string()]).patch();
        assert_eq!(patch, Some(json!({"annotations": {"a": "b", "kopf.zalando.org/x": null}})));
    }

    #[test]
    fn what_belongs_to_a_former_object_of_that_name_is_recognised() {
        let own = Owner::controller("DaskCluster", "c", "2");
        assert!(is_from_previous_owner(&[Owner::controller("DaskCluster", "c", "1")], &own));
        assert!(!is_from_previous_owner(std::slice::from_ref(&own), &own));
    }
}
