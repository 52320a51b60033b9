//! The row of a service.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{age, labels, number, or_none, text};
use crate::meta;

/// The cells of a service.
pub(super) fn cells(service: &Value, now: Timestamp) -> Vec<Value> {
    let ports = meta::list(service, "/spec/ports").iter().map(port).collect::<Vec<_>>().join(",");
    vec![
        json!(meta::text(service, "name")),
        json!(text(service, "/spec/type")),
        json!(or_none(text(service, "/spec/clusterIP").into())),
        json!(outside(service)),
        json!(or_none(ports)),
        age::of(service, now),
        json!(labels(service, "/spec/selector")),
    ]
}

fn port(port: &Value) -> String {
    let (number, node) = (number(port, "/port"), number(port, "/nodePort"));
    let protocol = text(port, "/protocol");
    if node > 0 { format!("{number}:{node}/{protocol}") } else { format!("{number}/{protocol}") }
}

/// Where it is found from outside.
fn outside(service: &Value) -> String {
    let given = || meta::list(service, "/spec/externalIPs").iter().filter_map(Value::as_str);
    match text(service, "/spec/type") {
        "ExternalName" => text(service, "/spec/externalName").into(),
        "LoadBalancer" => {
            let points = meta::list(service, "/status/loadBalancer/ingress").iter();
            let found = points.map(|p| match text(p, "/ip") {
                "" => text(p, "/hostname"),
                ip => ip,
            });
            let all: Vec<&str> = found.filter(|f| !f.is_empty()).chain(given()).collect();
            if all.is_empty() { "<pending>".into() } else { all.join(",") }
        }
        _ => or_none(given().collect::<Vec<_>>().join(",")),
    }
}
