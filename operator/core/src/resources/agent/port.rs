//! The port on which the agent says whether its worker is ready: one that nothing else in the pod uses.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::resources::agent_plan::worker_container::{elements, words};

/// The port, where it is free. It steps aside for what the pod uses, for example for Dask's own Helm chart, which has the
/// worker's dashboard here.
const PORT: u16 = 8790;
/// What the agent answers to probes.
const AGENT_PATHS: [&str; 2] = ["/readyz", "/healthz"];
/// Probes, each of which may ask at a port.
const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];

/// The first port from [`PORT`] on that no container of the pod speaks of: they share one network.
pub(crate) fn choose_port(spec: &Map<String, Value>) -> u16 {
    let lists = ["containers", "initContainers"].into_iter().filter_map(|list| spec.get(list));
    let mut used: Vec<RangeInclusive<u16>> = lists.flat_map(elements).flat_map(used).collect();
    used.sort_by_key(|range| *range.start());
    // In this order, a range that was passed does not contain a later candidate.
    let after = |port: u16, range: &RangeInclusive<u16>| {
        if range.contains(&port) { range.end().checked_add(1) } else { Some(port) }
    };
    used.iter().try_fold(PORT, after).unwrap_or(PORT)
}

/// The port that the agent will have: its author may have set another one, or 0 for none.
pub(crate) fn explicit_port(worker: &Map<String, Value>) -> Option<u16> {
    let env = worker.get("env")?.as_array()?;
    let port = env.iter().find(|v| v["name"] == "DASK_AGENT_PORT")?;
    port["value"].as_str()?.parse().ok().filter(|p| *p > 0)
}

/// The ports of which a container speaks, and all other numbers of its words and variables that may be some.
fn used(container: &Value) -> Vec<RangeInclusive<u16>> {
    let one = |port: &Value| port.as_u64().and_then(|p| u16::try_from(p).ok()).map(|p| p..=p);
    // Probes of the agent itself are no other program's.
    let of_agent = |p: &&Value| p["httpGet"]["path"].as_str().is_some_and(|path| AGENT_PATHS.contains(&path));
    let asked = PROBES.iter().map(|probe| &container[*probe]).filter(|p| !of_agent(p));
    let asked = asked.flat_map(|p| [&p["httpGet"]["port"], &p["tcpSocket"]["port"], &p["grpc"]["port"]]);
    let listens = elements(&container["ports"]).iter().map(|port| &port["containerPort"]);
    let mut used: Vec<_> = listens.chain(asked).filter_map(one).collect();
    used.extend(words(container).iter().flat_map(|word| numbers(word)));
    let values = elements(&container["env"]).iter().filter_map(|variable| variable["value"].as_str());
    used.extend(values.flat_map(numbers));
    used
}

/// The numbers in a text, and the ranges as Dask writes them (`8000:9000`).
fn numbers(text: &str) -> Vec<RangeInclusive<u16>> {
    let is_other = |c: char| !c.is_ascii_digit() && c != ':';
    let mut found = Vec::new();
    for part in text.split(is_other) {
        let numbers: Vec<u16> = part.split(':').filter_map(|number| number.parse().ok()).collect();
        match numbers[..] {
            [from, to] if from < to => found.push(from..=to),
            _ => found.extend(numbers.iter().map(|number| *number..=*number)),
        }
    }
    found
}
