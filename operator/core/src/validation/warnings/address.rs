//! A worker's command line that names another scheduler than the cluster's.

use dask_crds::WorkerSpec;
use dask_worker_line::Named;
use serde_json::Value;

use super::{MOST, Warning};
use crate::{
    model::names,
    plan::conditions::shorten,
    resources::agent_plan::worker_container::{elements, of_worker, words},
};

/// The scheduler that the worker's command line names, if it is not that of this cluster.
pub(crate) fn check_address(worker: &WorkerSpec, cluster: &str) -> Option<Warning> {
    let containers = elements(worker.spec.0.get("containers").unwrap_or(&Value::Null));
    let n = of_worker(containers)?;
    // What a variable says is not known here.
    let (Named::Address(address) | Named::WithoutScheme(address)) =
        dask_worker_line::scheduler(&words(&containers[n]))
    else {
        return None;
    };
    let host = host(&address);
    let service = names::scheduler(cluster);
    // Nor what Kubernetes puts in place of one.
    if address.contains(['$', '`']) || is_of_the_pod(host) || host.split('.').next() == Some(&service) {
        return None;
    }
    let has_it = |key: &&str| {
        elements(&containers[n][*key]).iter().any(|word| word.as_str().is_some_and(|w| w.contains(host)))
    };
    let key = ["args", "command"].into_iter().find(has_it).unwrap_or("args");
    let text = format!(
        "spec.worker.spec.containers[{n}].{key}: {:?} is not this cluster's scheduler, whose Service is {service}; \
         write {service} in its place, or leave the address out: DASK_SCHEDULER_ADDRESS has it",
        shorten(&address, MOST)
    );
    Some(("Address", text))
}

/// The host of an address, without brackets.
fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = rest.rsplit_once(':').map_or(rest, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Whether something in the pod itself, such as a proxy, is asked.
fn is_of_the_pod(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
