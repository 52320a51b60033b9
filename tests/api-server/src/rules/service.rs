//! Services: defaults, addresses, validation.

use serde_json::{Map, Value, json};

use super::{duplicate, invalid, required, unsupported};
use crate::{kinds::Kind, meta, names, schema::Cause, status::Status, store::State};

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

/// Sets the defaults.
pub(super) fn default(service: &mut Value) {
    let spec = meta::map(service, "spec");
    meta::or_put(spec, "type", "ClusterIP");
    meta::or_put(spec, "sessionAffinity", "None");
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        let port = meta::as_map(port);
        meta::or_put(port, "protocol", "TCP");
        if port.get("targetPort").is_none_or(|t| t == 0)
            && let Some(number) = port.get("port").cloned()
        {
            port.insert("targetPort".into(), number);
        }
    }
    if spec["type"] != "ExternalName" {
        meta::or_put(spec, "internalTrafficPolicy", "Cluster");
    }
    if spec["sessionAffinity"] == "ClientIP" {
        meta::or_put(spec, "sessionAffinityConfig", json!({"clientIP": {"timeoutSeconds": 10_800}}));
    }
    if is_outside(spec) {
        meta::or_put(spec, "externalTrafficPolicy", "Cluster");
    }
    if spec["type"] == "LoadBalancer" {
        meta::or_put(spec, "allocateLoadBalancerNodePorts", true);
    }
}

fn is_outside(spec: &Map<String, Value>) -> bool {
    matches!(spec.get("type").and_then(Value::as_str), Some("NodePort" | "LoadBalancer"))
}

/// What an update may leave out.
pub(super) fn keep(live: &Value, new: &mut Value) {
    let spec = meta::map(new, "spec");
    if live["spec"].as_object().is_some_and(is_outside) && !is_outside(spec) {
        come_inside(&live["spec"], spec);
    }
    if spec["type"] == "ExternalName" {
        return;
    }
    for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        if let (None, Some(value)) = (spec.get(key), live["spec"].get(key)) {
            spec.insert(key.into(), value.clone());
        }
    }
}

/// What the old type needed and the new object does not ask for goes with it.
fn come_inside(live: &Value, spec: &mut Map<String, Value>) {
    if spec.get("externalTrafficPolicy") == live.get("externalTrafficPolicy") {
        spec.remove("externalTrafficPolicy");
    }
    let old: Vec<&Value> = meta::list(live, "/ports").iter().map(|port| &port["nodePort"]).collect();
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        let port = meta::as_map(port);
        if port.get("nodePort").is_some_and(|number| old.contains(&number)) {
            port.remove("nodePort");
        }
    }
}

/// Gives a service its address and its ports on nodes.
pub(super) fn allocate(
    state: &mut State,
    kind: &Kind,
    live: Option<&Value>,
    service: &mut Value,
) -> Result<(), Status> {
    let own = meta::text(service, "name").to_string();
    let spec = meta::map(service, "spec");
    if spec["type"] == "ExternalName" {
        return Ok(());
    }
    match spec.get("clusterIP").and_then(Value::as_str).unwrap_or_default() {
        "" => {
            let address = address(state);
            spec.insert("clusterIP".into(), json!(address));
        }
        "None" => {}
        asked if live.is_none() => {
            if let Some(why) = unusable(state, asked) {
                let why = format!("failed to allocate IP {asked}: {why}");
                return Err(Status::invalid(
                    kind,
                    &own,
                    vec![invalid("spec.clusterIPs", &json!([asked]), &why)],
                ));
            }
        }
        _ => {}
    }
    let address = spec["clusterIP"].clone();
    meta::or_put(spec, "clusterIPs", json!([address]));
    meta::or_put(spec, "ipFamilies", json!(["IPv4"]));
    meta::or_put(spec, "ipFamilyPolicy", "SingleStack");
    if !is_outside(spec) {
        return Ok(());
    }
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if port["nodePort"].as_i64().unwrap_or(0) == 0 {
            state.addresses += 1;
            port["nodePort"] = json!(30_000 + state.addresses % 2768);
        }
    }
    Ok(())
}

fn unusable(state: &State, address: &str) -> Option<String> {
    let [a, b] = state.services;
    if !address.starts_with(&format!("{a}.{b}.")) {
        return Some(format!(
            "the provided IP ({address}) is not in the valid range. The range of valid IPs is {a}.{b}.0.0/16"
        ));
    }
    is_taken(state, address).then(|| "provided IP is already allocated".into())
}

fn address(state: &mut State) -> String {
    loop {
        state.addresses += 1;
        let [_, _, c, d] = (256 + state.addresses).to_be_bytes();
        let [a, b] = state.services;
        let address = format!("{a}.{b}.{c}.{d}");
        if !is_taken(state, &address) {
            return address;
        }
    }
}

fn is_taken(state: &State, address: &str) -> bool {
    let table = state.table("services").and_then(|t| state.tables.get(t));
    table.is_some_and(|t| t.objects.values().any(|o| o.value["spec"]["clusterIP"] == address))
}

/// What is wrong with a service.
pub(super) fn validate(service: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut wrong = Vec::new();
    let spec = &service["spec"];
    let is_headless = spec["clusterIP"] == "None";
    let list = meta::list(spec, "/ports");
    if list.is_empty() && !is_headless && spec["type"] != "ExternalName" {
        wrong.push(required("spec.ports", ""));
    }
    ports(list, &mut wrong);
    if !TYPES.iter().any(|t| spec["type"] == *t) {
        wrong.push(unsupported("spec.type", &spec["type"], &TYPES));
    }
    if !["ClientIP", "None"].iter().any(|t| spec["sessionAffinity"] == *t) {
        wrong.push(unsupported("spec.sessionAffinity", &spec["sessionAffinity"], &["ClientIP", "None"]));
    }
    addresses(service, &mut wrong);
    of_type(spec, &mut wrong);
    if let Some(selector) = spec["selector"].as_object() {
        super::metadata::labels(selector, "spec.selector", &mut wrong);
    }
    let address = |s: &Value| s["spec"]["clusterIP"].as_str().unwrap_or_default().to_string();
    if let Some(old) = old.map(address).filter(|a| !a.is_empty())
        && old != address(service)
        && spec["type"] != "ExternalName"
    {
        let why = "may not change once set";
        wrong.push(invalid("spec.clusterIPs[0]", &json!([address(service)]), why));
    }
    wrong
}

/// What goes with some types only.
fn of_type(spec: &Value, wrong: &mut Vec<Cause>) {
    let is_outside = spec["type"] == "NodePort" || spec["type"] == "LoadBalancer";
    if spec["type"] == "ExternalName" {
        match spec["externalName"].as_str().unwrap_or_default() {
            "" => wrong.push(required("spec.externalName", "")),
            name => {
                let why = names::subdomain(name.strip_suffix('.').unwrap_or(name));
                wrong.extend(why.iter().map(|why| invalid("spec.externalName", &json!(name), why)));
            }
        }
    }
    for (i, port) in meta::list(spec, "/ports").iter().enumerate() {
        if spec["type"] == "ClusterIP" && port["nodePort"].as_i64().unwrap_or(0) != 0 {
            let why = "may not be used when `type` is 'ClusterIP'";
            wrong.push(super::forbidden(format!("spec.ports[{i}].nodePort"), why));
        }
    }
    let policy = &spec["externalTrafficPolicy"];
    if policy.is_string() && !is_outside && meta::list(spec, "/externalIPs").is_empty() {
        let why = "may only be set for externally-accessible services";
        wrong.push(invalid("spec.externalTrafficPolicy", policy, why));
    }
}

fn ports(ports: &[Value], wrong: &mut Vec<Cause>) {
    let (mut names, mut numbers) = (Vec::new(), Vec::new());
    for (i, port) in ports.iter().enumerate() {
        let at = |key: &str| format!("spec.ports[{i}].{key}");
        match port["name"].as_str() {
            None | Some("") if ports.len() > 1 => wrong.push(required(at("name"), "")),
            None | Some("") => {}
            Some(name) => {
                wrong.extend(names::label(name).iter().map(|why| invalid(at("name"), &json!(name), why)));
                if names.contains(&name) {
                    wrong.push(duplicate(at("name"), &json!(name)));
                }
                names.push(name);
            }
        }
        let range = "must be between 1 and 65535, inclusive";
        if !port["port"].as_i64().is_some_and(|n| (1..=65535).contains(&n)) {
            let shown = if port["port"].is_null() { json!(0) } else { port["port"].clone() };
            wrong.push(invalid(at("port"), &shown, range));
        }
        if !["SCTP", "TCP", "UDP"].iter().any(|p| port["protocol"] == *p) {
            wrong.push(unsupported(at("protocol"), &port["protocol"], &["SCTP", "TCP", "UDP"]));
        }
        if port["targetPort"].as_i64().is_some_and(|n| !(1..=65535).contains(&n)) {
            wrong.push(invalid(at("targetPort"), &port["targetPort"], range));
        }
        if let Some(name) = port["targetPort"].as_str() {
            wrong.extend(names::port(name).iter().map(|why| invalid(at("targetPort"), &json!(name), why)));
        }
        let key = (port["protocol"].clone(), port["port"].clone());
        if numbers.contains(&key) {
            // As Go writes the struct.
            let shown = format!(
                "{{\"Name\":\"\",\"Protocol\":{},\"AppProtocol\":null,\"Port\":{},\"TargetPort\":0,\"NodePort\":0}}",
                key.0, key.1
            );
            wrong.push(super::cause(
                "FieldValueDuplicate",
                format!("spec.ports[{i}]"),
                format!("Duplicate value: {shown}"),
            ));
        }
        numbers.push(key);
    }
}

fn addresses(service: &Value, wrong: &mut Vec<Cause>) {
    let spec = &service["spec"];
    let address = spec["clusterIP"].as_str().unwrap_or_default();
    if !matches!(address, "" | "None") && address.parse::<std::net::IpAddr>().is_err() {
        let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        wrong.push(invalid("spec.clusterIPs[0]", &json!(address), why));
    }
    let known = ["PreferDualStack", "RequireDualStack", "SingleStack"];
    let policy = &spec["ipFamilyPolicy"];
    if !policy.is_null() && !known.iter().any(|k| policy == k) {
        wrong.push(unsupported("spec.ipFamilyPolicy", policy, &known));
    }
}

/// What is wrong with the status of a service.
pub(super) fn validate_status(service: &Value) -> Vec<Cause> {
    let has_ingress = !meta::list(service, "/status/loadBalancer/ingress").is_empty();
    if has_ingress && service["spec"]["type"] != "LoadBalancer" {
        let why = "may only be used when `spec.type` is 'LoadBalancer'";
        return vec![super::forbidden("status.loadBalancer.ingress", why)];
    }
    Vec::new()
}
