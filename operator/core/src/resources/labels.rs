//! Which labels and annotations children get: the parent's, less those that belong to tools.

use std::collections::BTreeMap;

use dask_crds::TemplateMetadata;

use crate::model::{names, object};

/// Labels and annotations of an object to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// What children inherit of an object.
pub fn for_children(parent: &object::Meta) -> Meta {
    let kept = |map: &BTreeMap<String, String>| {
        map.iter().filter(|(k, _)| !is_a_tools(k)).map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    Meta { labels: kept(&parent.labels), annotations: kept(&parent.annotations) }
}

/// What an object gets: what is inherited, overridden by what the template itself says, without keys that are ours
/// alone. A pod with one of these would be born as one that the operator has marked, tried or judged.
pub fn effective(inherited: &Meta, template: Option<&TemplateMetadata>) -> Meta {
    let mut out = as_written(inherited, template);
    out.labels.retain(|key, _| !is_reserved(key));
    out.annotations.retain(|key, _| !is_reserved(key));
    out
}

/// What is inherited, overridden by what the template itself says: all of it, as a template's hash has it. (A hash
/// without the keys that are left out would call pods outdated that were made before these were left out.)
pub(crate) fn as_written(inherited: &Meta, template: Option<&TemplateMetadata>) -> Meta {
    let mut out = inherited.clone();
    if let Some(t) = template {
        out.labels.extend(present(t.labels.as_ref()));
        out.annotations.extend(present(t.annotations.as_ref()));
    }
    out
}

/// Whether only the operator may set this label or annotation on what it makes.
pub fn is_reserved(key: &str) -> bool {
    key.strip_prefix(dask_crds::GROUP).is_some_and(|rest| rest.starts_with('/'))
}

/// Keeps Istio's side car out of a pod, unless its author says something about it.
pub(crate) fn keep_istio_out(meta: &mut Meta) {
    if !meta.annotations.contains_key(names::ISTIO) {
        meta.labels.entry(names::ISTIO.into()).or_insert_with(|| "false".into());
    }
}

fn present(map: Option<&BTreeMap<String, Option<String>>>) -> impl Iterator<Item = (String, String)> + '_ {
    map.into_iter().flatten().filter_map(|(k, v)| Some((k.clone(), v.clone()?)))
}

/// Keys by which a tool knows its own objects. On a child they would make Argo CD, Helm or Flux take
/// it for one of theirs and delete it, or make it look applied by kubectl. Ours mean the parent alone.
fn is_a_tools(key: &str) -> bool {
    const KEYS: [&str; 2] = ["app.kubernetes.io/instance", "app.kubernetes.io/managed-by"];
    const PREFIXES: [&str; 7] = [
        "argocd.argoproj.io",
        "helm.sh",
        "meta.helm.sh",
        "kubectl.kubernetes.io",
        "kopf.zalando.org",
        "kopf.dev",
        dask_crds::GROUP,
    ];
    let prefix = key.split('/').next().unwrap_or_default();
    KEYS.contains(&key) || PREFIXES.contains(&prefix) || prefix.ends_with(".toolkit.fluxcd.io")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_keep_their_keys_to_themselves() {
        for key in [
            "argocd.argoproj.io/tracking-id",
            "app.kubernetes.io/instance",
            "app.kubernetes.io/managed-by",
            "helm.sh/chart",
            "meta.helm.sh/release-name",
            "kustomize.toolkit.fluxcd.io/name",
            "kubectl.kubernetes.io/last-applied-configuration",
            "kubectl.kubernetes.io",
            "kopf.zalando.org/last-handled-configuration",
            "kubernetes.dask.org/copied-replicas",
        ] {
            assert!(is_a_tools(key), "{key}");
        }
        for key in ["app.kubernetes.io/name", "team", "example.com/helm.sh", "dask.org/x"] {
            assert!(!is_a_tools(key), "{key}");
        }
    }

    #[test]
    fn no_template_gives_keys_of_ours() {
        let template: TemplateMetadata = serde_json::from_value(serde_json::json!({
            "labels": {"kubernetes.dask.org/x": "1", "team": "a"},
            "annotations": {
                "kubernetes.dask.org/retiring": "x", "kubernetes.dask.org/copied-replicas": "9",
                "kubernetes.dask.org.example/x": "1", "kubernetes.dask.org": "1",
            },
        }))
        .unwrap();
        let keys = |map: &BTreeMap<String, String>| map.keys().cloned().collect::<Vec<_>>();
        let out = effective(&Meta::default(), Some(&template));
        assert_eq!(keys(&out.labels), ["team"]);
        assert_eq!(keys(&out.annotations), ["kubernetes.dask.org", "kubernetes.dask.org.example/x"]);
        let inherited = Meta { annotations: out.annotations.clone(), ..as_written(&out, Some(&template)) };
        assert_eq!(effective(&inherited, None).labels, out.labels, "whichever way it comes");
    }

    #[test]
    fn the_template_wins_over_what_is_inherited() {
        let map = |v: &str| BTreeMap::from([("k".to_string(), v.to_string())]);
        let inherited = Meta { labels: map("parent"), annotations: map("parent") };
        let template = TemplateMetadata {
            labels: Some(BTreeMap::from([("k".into(), Some("own".into())), ("n".into(), None)])),
            annotations: None,
        };
        let out = effective(&inherited, Some(&template));
        assert_eq!(out.labels, map("own"));
        assert_eq!(out.annotations, map("parent"));
    }
}
