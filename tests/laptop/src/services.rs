//! Services: each has an address on the loopback network at which connections are taken to one of its pods, and refused as
//! long as there is none; and a file tells the processes of pods which name has which address.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use k8s_openapi::api::core::v1::{Pod, Service, ServicePort};
use kube_memory_api_server::ApiServer;
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::node::probe::port_of;

/// Where a Service listens: its namespace, its name, the address, and the port's number.
type Place = (String, String, SocketAddr);

/// Keeps Services reachable until it is dropped.
pub async fn run(server: ApiServer, hosts: PathBuf) {
    let mut open: BTreeMap<Place, JoinHandle<()>> = BTreeMap::new();
    let (mut seen, mut written) = (0, String::new());
    loop {
        seen = server.changed(seen).await;
        let services: Vec<Service> = typed(server.objects("services"));
        let pods: Vec<Pod> = typed(server.objects("pods"));
        let names = hosts_file(&pods, &services);
        if names != written && replace(&hosts, &names).is_ok() {
            written = names;
        }
        let wanted: BTreeSet<Place> =
            services.iter().flat_map(|service| open_places(service, &pods)).collect();
        open.retain(|place, task| {
            let stays = wanted.contains(place);
            if !stays {
                task.abort();
            }
            stays
        });
        for place in wanted {
            if let std::collections::btree_map::Entry::Vacant(entry) = open.entry(place) {
                let task = tokio::spawn(listen(server.clone(), entry.key().clone()));
                entry.insert(task);
            }
        }
    }
}

fn typed<T: serde::de::DeserializeOwned>(objects: Vec<Arc<Value>>) -> Vec<T> {
    objects.iter().filter_map(|o| serde_json::from_value((**o).clone()).ok()).collect()
}

/// Where a Service listens now: nowhere without a pod.
fn open_places(service: &Service, pods: &[Pod]) -> Vec<Place> {
    let behind = backends(pods, service);
    let all = places(service).into_iter();
    all.filter(|(_, port)| target(&behind, port).is_some()).map(|(place, _)| place).collect()
}

fn places(service: &Service) -> Vec<(Place, ServicePort)> {
    let spec = service.spec.clone().unwrap_or_default();
    let (namespace, name) = key(service);
    let address = spec.cluster_ip.and_then(|ip| ip.parse::<Ipv4Addr>().ok());
    let ports = spec.ports.unwrap_or_default();
    let mut out = Vec::new();
    for port in ports.into_iter().filter(|p| p.protocol.as_deref().is_none_or(|p| p == "TCP")) {
        let at = |ip: Ipv4Addr, number: i32| {
            Some((namespace.clone(), name.clone(), SocketAddr::from((ip, u16::try_from(number).ok()?))))
        };
        out.extend(address.and_then(|ip| at(ip, port.port)).map(|p| (p, port.clone())));
        let outside = port.node_port.and_then(|number| at(Ipv4Addr::LOCALHOST, number));
        out.extend(outside.map(|p| (p, port.clone())));
    }
    out
}

fn key(service: &Service) -> (String, String) {
    let meta = &service.metadata;
    (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

async fn listen(server: ApiServer, place: Place) {
    let listener = match TcpListener::bind(place.2).await {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(service = place.1, address = %place.2, %error, "a service cannot be reached");
            return;
        }
    };
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(carry(server.clone(), place.clone(), stream));
    }
}

/// One connection, to a pod that is ready.
async fn carry(server: ApiServer, (namespace, name, at): Place, mut from: TcpStream) {
    let Some(to) = endpoint(&server, &namespace, &name, at) else { return };
    let Ok(mut to) = TcpStream::connect(to).await else { return };
    let _ = (from.set_nodelay(true), to.set_nodelay(true));
    let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
}

fn endpoint(server: &ApiServer, namespace: &str, name: &str, at: SocketAddr) -> Option<SocketAddr> {
    let service = server.object("services", namespace, name)?;
    let service: Service = serde_json::from_value((*service).clone()).ok()?;
    let port = places(&service).into_iter().find(|(place, _)| place.2 == at)?.1;
    let pods: Vec<Pod> = typed(server.objects("pods"));
    target(&backends(&pods, &service), &port)
}

/// Where connections to this port go. Whichever pod comes: one of many is as good as the others.
fn target(pods: &[&Pod], port: &ServicePort) -> Option<SocketAddr> {
    pods.iter().find_map(|pod| {
        let ip: Ipv4Addr = pod.status.as_ref()?.pod_ip.as_deref()?.parse().ok()?;
        let containers = &pod.spec.as_ref()?.containers;
        let number = match &port.target_port {
            None => u16::try_from(port.port).ok(),
            Some(target) => containers.iter().find_map(|c| port_of(target, c)),
        };
        Some(SocketAddr::from((ip, number?)))
    })
}

/// The pods behind a Service.
fn backends<'p>(pods: &'p [Pod], service: &Service) -> Vec<&'p Pod> {
    let spec = service.spec.clone().unwrap_or_default();
    let selector = spec.selector.unwrap_or_default();
    let all = spec.publish_not_ready_addresses.unwrap_or(false);
    let chosen = |pod: &&Pod| {
        let labels = pod.metadata.labels.clone().unwrap_or_default();
        let is_ready = || {
            let conditions = pod.status.iter().flat_map(|s| s.conditions.iter().flatten());
            conditions.into_iter().any(|c| c.type_ == "Ready" && c.status == "True")
        };
        !selector.is_empty()
            && pod.metadata.namespace == service.metadata.namespace
            && selector.iter().all(|(k, v)| labels.get(k) == Some(v))
            && (all || is_ready())
    };
    pods.iter().filter(chosen).collect()
}

/// An address and a name on each line, as /etc/hosts has them.
fn hosts_file(pods: &[Pod], services: &[Service]) -> String {
    let mut out = String::new();
    for service in services {
        let (namespace, name) = key(service);
        let full = format!("{name}.{namespace}.svc.cluster.local");
        let address = service.spec.as_ref().and_then(|s| s.cluster_ip.clone());
        let addresses: BTreeSet<String> = match address.as_deref() {
            Some("None") => {
                let behind = backends(pods, service).into_iter();
                behind.filter_map(|p| p.status.as_ref()?.pod_ip.clone()).collect()
            }
            Some(ip) => BTreeSet::from([ip.to_string()]),
            None => BTreeSet::new(),
        };
        for address in addresses {
            // Writing to a String does not fail.
            let _ = writeln!(out, "{address} {full}");
        }
    }
    out
}

/// Puts a file in the place of another, so that no reader sees half of it.
fn replace(path: &PathBuf, text: &str) -> std::io::Result<()> {
    let new = path.with_extension("new");
    std::fs::write(&new, text)?;
    std::fs::rename(new, path)
}
