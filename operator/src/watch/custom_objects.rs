//! Objects of our kinds: text until it is known that the operator has room for what they say.

use dask_operator_core::model::object::Object;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{object_size, watch_stream::Project};
use crate::{
    kubernetes::{extract, slim_metadata},
    store::{Cached, MemoryBudget, Unreadable},
};

/// An object of ours whose spec and status are not decoded yet: a tree of values can take a hundred times its text.
pub(super) type Unread = slim_metadata::Object<Box<RawValue>, Box<RawValue>>;

/// What is kept of an object of ours, or why it cannot be.
pub(super) fn read<K, Spec, Status>(
    object: Unread,
    room: &mut MemoryBudget,
) -> Option<Project<Object<Spec, Status>>>
where
    K: Cached,
    Spec: DeserializeOwned,
    Status: DeserializeOwned + Default,
{
    let slim_metadata::Object { metadata, spec, status } = object;
    let spec = spec.as_ref().map_or("null", |s| s.get());
    let status = status.as_ref().map(|s| s.get());
    let bytes = object_size::Weight::of(spec)
        + status.map_or(0, object_size::Weight::of)
        + weight_of_metadata(&metadata);
    let key = extract::key(&metadata)?;
    if let Err(most) = room.hold(K::PLURAL, &key, bytes) {
        return unreadable(metadata, too_big(bytes, most));
    }
    let decoded = serde_json::from_str(spec).map_err(|e| format!("spec: {e}")).and_then(|spec| {
        let status = status.map(serde_json::from_str).transpose().map_err(|e| format!("status: {e}"))?;
        Ok((spec, status.unwrap_or_default()))
    });
    match decoded {
        Ok((spec, status)) => extract::ours(metadata, spec, status).map(|(key, record)| (key, Ok(record))),
        Err(error) => unreadable(metadata, error),
    }
}

fn too_big(bytes: usize, most: usize) -> String {
    format!(
        "spec: would take about {} KiB of the operator's memory, and may take {} KiB, which is less the more other \
         objects take; make it smaller, for example by environment variables out of a ConfigMap (envFrom)",
        bytes >> 10,
        most >> 10
    )
}

/// Only what it is called is kept of an object that cannot be.
fn unreadable<T>(metadata: ObjectMeta, error: String) -> Option<Project<T>> {
    let metadata = ObjectMeta { labels: None, annotations: None, ..metadata };
    let (key, object) = extract::ours(metadata, (), ())?;
    Some((key, Err(Unreadable { meta: object.meta, error })))
}

fn weight_of_metadata(meta: &ObjectMeta) -> usize {
    let labels = meta.labels.iter().flatten().chain(meta.annotations.iter().flatten());
    let labels: usize = labels.map(|(k, v)| k.len() + v.len() + object_size::ENTRY).sum();
    let owners = meta.owner_references.iter().flatten();
    labels + owners.map(|o| o.name.len() + o.uid.len() + o.kind.len() + object_size::ENTRY).sum::<usize>()
}
