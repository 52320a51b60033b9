//! Labels and annotations of a template that are the operator's to set.

use std::collections::BTreeMap;

use dask_crds::TemplateMetadata;

use super::{MOST, Warning};
use crate::{model::names, plan::conditions::shorten, resources};

/// Labels and annotations of a template that nothing gets as they are written.
pub(crate) fn check_metadata(path: &str, metadata: Option<&TemplateMetadata>) -> Vec<Warning> {
    let Some(metadata) = metadata else { return Vec::new() };
    let mut out = set_by_the_operator(path, metadata);
    out.extend(reserved(&format!("{path}.labels"), metadata.labels.as_ref()));
    out.extend(reserved(&format!("{path}.annotations"), metadata.annotations.as_ref()));
    out
}

/// Labels that the operator sets itself.
fn set_by_the_operator(path: &str, metadata: &TemplateMetadata) -> Vec<Warning> {
    const LABELS: [&str; 3] = [names::CLUSTER, names::COMPONENT, names::GROUP];
    let labels = metadata.labels.iter().flatten().filter(|(key, _)| LABELS.contains(&key.as_str()));
    labels
        .map(|(k, _)| {
            ("Labels", format!("{path}.labels[{k}]: the operator sets this label itself; remove it"))
        })
        .collect()
}

/// Keys that only the operator may set.
fn reserved(path: &str, map: Option<&BTreeMap<String, Option<String>>>) -> Vec<Warning> {
    let keys =
        map.into_iter().flatten().filter(|(key, value)| value.is_some() && resources::is_reserved(key));
    keys.map(|(key, value)| {
        let (key, value) = (shorten(key, MOST), shorten(value.as_deref().unwrap_or_default(), MOST));
        let text = format!(
            "{path}[{key}]: {value:?} is left out of what is made, because keys under {}/ are the operator's own \
             marks; remove it",
            dask_crds::GROUP
        );
        ("ReservedKey", text)
    })
    .collect()
}
