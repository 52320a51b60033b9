//! The environment of a container: the user's variables, with references filled in as a kubelet does it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, EnvVarSource, Pod};
use kube_memory_api_server::ApiServer;
use serde_json::Value;

use super::image::Refusal;

/// Variables in the order in which they were defined, which matters for references.
pub type Variables = BTreeMap<String, String>;

/// What a container's `env` and `envFrom` say, on top of `base`.
///
/// # Errors
/// It refers to something that is not there.
pub fn of(
    server: &ApiServer,
    pod: &Pod,
    container: &Container,
    base: Variables,
) -> Result<Variables, Refusal> {
    let namespace = pod.metadata.namespace.clone().unwrap_or_default();
    let mut variables = base;
    for source in container.env_from.iter().flatten() {
        let prefix = source.prefix.clone().unwrap_or_default();
        let from = match (&source.config_map_ref, &source.secret_ref) {
            (Some(map), _) => ("configmaps", map.name.as_str(), map.optional),
            (_, Some(secret)) => ("secrets", secret.name.as_str(), secret.optional),
            _ => continue,
        };
        match data(server, from.0, &namespace, from.1) {
            Some(all) => variables.extend(all.into_iter().map(|(k, v)| (format!("{prefix}{k}"), v))),
            None if from.2 == Some(true) => {}
            None => return Err(missing(from.0, from.1, None)),
        }
    }
    for variable in container.env.iter().flatten() {
        let value = match (&variable.value, &variable.value_from) {
            (Some(text), _) => Some(expand(text, &variables)),
            (None, Some(source)) => value_from(server, pod, container, source)?,
            (None, None) => Some(String::new()),
        };
        if let Some(value) = value {
            variables.insert(variable.name.clone(), value);
        }
    }
    Ok(variables)
}

/// A text with `$(NAME)` replaced; unknown names stay, and `$$` is a `$`.
pub fn expand(text: &str, variables: &Variables) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("$$") {
            out.push('$');
            rest = after;
            continue;
        }
        let named = rest.strip_prefix("$(").and_then(|r| r.split_once(')'));
        match named.and_then(|(name, after)| Some((variables.get(name)?, after))) {
            Some((value, after)) => {
                out.push_str(value);
                rest = after;
            }
            None => {
                out.push('$');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

fn value_from(
    server: &ApiServer,
    pod: &Pod,
    container: &Container,
    source: &EnvVarSource,
) -> Result<Option<String>, Refusal> {
    if let Some(field) = &source.field_ref {
        return Ok(Some(field_of(pod, &field.field_path)));
    }
    if let Some(field) = &source.resource_field_ref {
        return Ok(Some(resource_of(container, &field.resource)));
    }
    let (kind, name, key, optional) = match (&source.config_map_key_ref, &source.secret_key_ref) {
        (Some(r), _) => ("configmaps", r.name.as_str(), r.key.as_str(), r.optional),
        (_, Some(r)) => ("secrets", r.name.as_str(), r.key.as_str(), r.optional),
        _ => return Ok(None),
    };
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let all = data(server, kind, namespace, name);
    let is_there = all.is_some();
    match all.and_then(|mut all| all.remove(key)) {
        Some(value) => Ok(Some(value)),
        None if optional == Some(true) => Ok(None),
        None => Err(missing(kind, name, is_there.then_some(key))),
    }
}

fn missing(kind: &str, name: &str, key: Option<&str>) -> Refusal {
    let kind = kind.trim_end_matches('s');
    let message = match key {
        Some(key) => format!("couldn't find key {key} in {kind} {name:?}"),
        None => format!("{kind} {name:?} not found"),
    };
    Refusal { reason: "CreateContainerConfigError", message }
}

/// What a ConfigMap or a Secret holds, as texts.
fn data(server: &ApiServer, kind: &str, namespace: &str, name: &str) -> Option<Variables> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let object = server.object(kind, namespace, name)?;
    let text = |value: &Value| {
        let text = value.as_str()?.to_string();
        if kind != "secrets" {
            return Some(text);
        }
        String::from_utf8(BASE64_STANDARD.decode(text).ok()?).ok()
    };
    let entries = object["data"].as_object().into_iter().flatten();
    Some(entries.filter_map(|(k, v)| Some((k.clone(), text(v)?))).collect())
}

/// The downward API's fields.
fn field_of(pod: &Pod, path: &str) -> String {
    let object = serde_json::to_value(pod).unwrap_or_default();
    if let Some((map, key)) = path.strip_suffix("']").and_then(|p| p.split_once("['")) {
        return text(&object["metadata"][map.trim_start_matches("metadata.")][key]);
    }
    path.split('.').try_fold(&object, |o, part| o.get(part)).map(text).unwrap_or_default()
}

fn resource_of(container: &Container, resource: &str) -> String {
    let resources = serde_json::to_value(&container.resources).unwrap_or_default();
    let (kind, name) = resource.split_once('.').unwrap_or_default();
    text(&resources[kind][name])
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_filled_in_as_a_kubelet_does() {
        let variables = Variables::from([("A".into(), "1".into())]);
        for (text, expanded) in [
            ("$(A)", "1"),
            ("x$(A)y$(A)", "x1y1"),
            ("$(B)", "$(B)"),
            ("$$(A)", "$(A)"),
            ("$A $", "$A $"),
            ("$(A", "$(A"),
        ] {
            assert_eq!(expand(text, &variables), expanded);
        }
    }
}
