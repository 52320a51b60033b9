//! Streams to pods, as an API server and a kubelet give them together: forwarded ports, and commands.

mod channels;
mod exec;
mod pod;
mod routes;
mod spdy;
mod upgrade;
mod wire;

use std::net::Ipv4Addr;

use kube_memory_api_server::Status;
use tokio::process::Command;

pub use routes::routes;

/// A running pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Where its ports are.
    pub address: Ipv4Addr,
    /// Tells it from a later pod of its name.
    pub uid: String,
}

/// Where pods are.
pub trait Pods: Send + Sync + 'static {
    /// A running pod, or why there is none; asked again for every connection.
    fn running(&self, namespace: &str, name: &str) -> Result<Running, Status>;

    /// A command as it would run in a container of a running pod, not started; pipes are added to it.
    /// Without a container's name it is the pod's first.
    fn command(
        &self,
        namespace: &str,
        name: &str,
        container: Option<&str>,
        command: &[String],
    ) -> Result<Command, Status> {
        let _ = (namespace, name, container, command);
        Err(Status::unsupported("running commands in pods"))
    }
}
