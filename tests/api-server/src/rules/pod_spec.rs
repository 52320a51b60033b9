//! The specification of a pod: what can be wrong with it.

use serde_json::{Value, json};

use super::{container_check as container, duplicate, forbidden, invalid, metadata, required, unsupported};
use crate::{meta, names, schema::Cause};

const POLICIES: [&str; 3] = ["Always", "OnFailure", "Never"];
const DNS: [&str; 4] = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

/// What is wrong with a specification, of a pod or in a template.
pub(super) fn check(spec: &Value, path: &str, wrong: &mut Vec<Cause>) {
    let volumes = volumes(spec, path, wrong);
    containers(spec, path, volumes, wrong);
    let text = |key: &str| spec[key].as_str().unwrap_or_default();
    let at = |key: &str| format!("{path}.{key}");
    if !POLICIES.contains(&text("restartPolicy")) {
        wrong.push(unsupported(at("restartPolicy"), &spec["restartPolicy"], &POLICIES));
    }
    if !DNS.contains(&text("dnsPolicy")) {
        wrong.push(unsupported(at("dnsPolicy"), &spec["dnsPolicy"], &DNS));
    }
    if let Some(selector) = spec["nodeSelector"].as_object() {
        metadata::labels(selector, &at("nodeSelector"), wrong);
    }
    container::pod_security(&spec["securityContext"], &at("securityContext"), wrong);
    affinity(&spec["affinity"], &at("affinity"), wrong);
    for (i, gate) in meta::list(spec, "/readinessGates").iter().enumerate() {
        let of = gate["conditionType"].as_str().unwrap_or_default();
        let field = format!("{path}.readinessGates[{i}].conditionType");
        wrong.extend(names::label_key(of).iter().map(|why| invalid(field.clone(), &json!(of), why)));
    }
    spread(spec, path, wrong);
    for (key, rule) in [
        ("serviceAccountName", names::subdomain as fn(&str) -> Vec<String>),
        ("nodeName", names::subdomain),
        ("hostname", names::label),
        ("subdomain", names::label),
    ] {
        if let Some(name) = spec[key].as_str().filter(|n| !n.is_empty()) {
            wrong.extend(rule(name).iter().map(|why| invalid(at(key), &json!(name), why)));
        }
    }
    if spec["activeDeadlineSeconds"].as_i64().is_some_and(|n| !(1..=2_147_483_647).contains(&n)) {
        let why = "must be between 1 and 2147483647, inclusive";
        wrong.push(invalid(at("activeDeadlineSeconds"), &spec["activeDeadlineSeconds"], why));
    }
    tolerations(meta::list(spec, "/tolerations"), &at("tolerations"), wrong);
    for (i, alias) in meta::list(spec, "/hostAliases").iter().enumerate() {
        let ip = alias["ip"].as_str().unwrap_or_default();
        if ip.parse::<std::net::IpAddr>().is_err() {
            let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
            wrong.push(invalid(format!("{path}.hostAliases[{i}].ip"), &json!(ip), why));
        }
    }
    if spec.get("resources").is_some() {
        container::resources(&spec["resources"], &at("resources"), wrong);
    }
}

fn containers(spec: &Value, path: &str, volumes: Vec<&str>, wrong: &mut Vec<Cause>) {
    let mut pod = container::Pod { volumes, is_on_host: spec["hostNetwork"] == true, names: Vec::new() };
    if meta::list(spec, "/containers").is_empty() {
        wrong.push(required(format!("{path}.containers"), ""));
    }
    let lists = [("containers", "/containers"), ("initContainers", "/initContainers")];
    for (list, pointer) in lists {
        for (i, item) in meta::list(spec, pointer).iter().enumerate() {
            container::check(item, &format!("{path}.{list}[{i}]"), &mut pod, wrong);
        }
    }
}

/// What only a pod is refused for, and not a template.
pub(super) fn check_images(spec: &Value, path: &str, wrong: &mut Vec<Cause>) {
    for (list, pointer) in [("containers", "/containers"), ("initContainers", "/initContainers")] {
        for (i, item) in meta::list(spec, pointer).iter().enumerate() {
            container::image_space(item, &format!("{path}.{list}[{i}]"), wrong);
        }
    }
}

/// What is wrong with volumes; answers the names of all that are right.
fn volumes<'a>(spec: &'a Value, path: &str, wrong: &mut Vec<Cause>) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for (i, volume) in meta::list(spec, "/volumes").iter().enumerate() {
        let at = |key: &str| format!("{path}.volumes[{i}].{key}");
        let sources: Vec<&String> =
            volume.as_object().into_iter().flat_map(|v| v.keys()).filter(|k| *k != "name").collect();
        for more in sources.iter().skip(1) {
            wrong.push(forbidden(at(more), "may not specify more than 1 volume type"));
        }
        for (source, key) in [
            ("configMap", "name"),
            ("secret", "secretName"),
            ("persistentVolumeClaim", "claimName"),
            ("hostPath", "path"),
        ] {
            let is_lacking = |s: &Value| s[key].as_str().unwrap_or_default().is_empty();
            if sources.len() == 1 && volume.get(source).is_some_and(is_lacking) {
                wrong.push(required(at(&format!("{source}.{key}")), ""));
            }
        }
        let name = volume["name"].as_str().unwrap_or_default();
        let faults = names::label(name);
        if name.is_empty() {
            wrong.push(required(at("name"), ""));
        } else if !faults.is_empty() {
            wrong.extend(faults.iter().map(|why| invalid(at("name"), &json!(name), why)));
        } else if names.contains(&name) {
            wrong.push(duplicate(at("name"), &json!(name)));
        } else {
            names.push(name);
        }
    }
    names
}

fn tolerations(list: &[Value], path: &str, wrong: &mut Vec<Cause>) {
    const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
    for (i, toleration) in list.iter().enumerate() {
        let at = |key: &str| format!("{path}[{i}].{key}");
        let text = |key: &str| toleration[key].as_str().unwrap_or_default();
        let (key, operator, value, effect) = (text("key"), text("operator"), text("value"), text("effect"));
        if !key.is_empty() {
            wrong.extend(names::label_key(key).iter().map(|why| invalid(at("key"), &json!(key), why)));
        }
        if key.is_empty() && operator != "Exists" {
            let why =
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            wrong.push(invalid(at("operator"), &json!(operator), why));
        }
        if toleration["tolerationSeconds"].is_i64() && effect != "NoExecute" {
            let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            wrong.push(invalid(at("effect"), &json!(effect), why));
        }
        match operator {
            "" | "Equal" => {
                let fault = names::label_value(value);
                wrong.extend(fault.iter().map(|why| invalid(at("operator"), &json!(value), why)));
            }
            "Exists" if !value.is_empty() => {
                let why = "value must be empty when `operator` is 'Exists'";
                wrong.push(invalid(at("operator"), &json!(value), why));
            }
            "Exists" => {}
            _ => wrong.push(unsupported(at("operator"), &json!(operator), &["Equal", "Exists"])),
        }
        if !effect.is_empty() && !EFFECTS.contains(&effect) {
            wrong.push(unsupported(at("effect"), &json!(effect), &EFFECTS));
        }
    }
}

fn affinity(affinity: &Value, path: &str, wrong: &mut Vec<Cause>) {
    let required_rule = &affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    if required_rule.is_object() && meta::list(required_rule, "/nodeSelectorTerms").is_empty() {
        let field =
            format!("{path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms");
        wrong.push(required(field, "must have at least one node selector term"));
    }
    let (must, may) =
        ("requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution");
    for kind in ["nodeAffinity", "podAffinity", "podAntiAffinity"] {
        let is_of_pods = kind != "nodeAffinity";
        for (i, term) in meta::list(affinity, &format!("/{kind}/{must}")).iter().enumerate() {
            topology(term, &format!("{path}.{kind}.{must}[{i}]"), wrong);
        }
        for (i, term) in meta::list(affinity, &format!("/{kind}/{may}")).iter().enumerate() {
            let at = format!("{path}.{kind}.{may}[{i}]");
            let weight = term["weight"].as_i64().unwrap_or(0);
            if !(1..=100).contains(&weight) {
                wrong.push(invalid(format!("{at}.weight"), &json!(weight), "must be in the range 1-100"));
            }
            if is_of_pods {
                topology(&term["podAffinityTerm"], &format!("{at}.podAffinityTerm"), wrong);
            }
        }
    }
}

fn topology(term: &Value, path: &str, wrong: &mut Vec<Cause>) {
    let (key, at) = (term["topologyKey"].as_str().unwrap_or_default(), format!("{path}.topologyKey"));
    if key.is_empty() {
        wrong.push(required(at.as_str(), "can not be empty"));
    }
    wrong.extend(names::label_key(key).iter().map(|why| invalid(at.as_str(), &json!(key), why)));
}

fn spread(spec: &Value, path: &str, wrong: &mut Vec<Cause>) {
    const WHENS: [&str; 2] = ["DoNotSchedule", "ScheduleAnyway"];
    for (i, constraint) in meta::list(spec, "/topologySpreadConstraints").iter().enumerate() {
        let at = |key: &str| format!("{path}.topologySpreadConstraints[{i}].{key}");
        let text = |key: &str| constraint[key].as_str().unwrap_or_default();
        if constraint["maxSkew"].as_i64().unwrap_or(0) <= 0 {
            let shown = json!(constraint["maxSkew"].as_i64().unwrap_or(0));
            wrong.push(invalid(at("maxSkew"), &shown, "must be greater than zero"));
        }
        if text("topologyKey").is_empty() {
            wrong.push(required(at("topologyKey"), "can not be empty"));
        }
        let when = text("whenUnsatisfiable");
        if !WHENS.contains(&when) {
            wrong.push(unsupported(at("whenUnsatisfiable"), &json!(when), &WHENS));
        }
    }
}
