//! Streams to pods, as an API server and a kubelet give them together: port forwarding.

mod channels;
mod listed;
mod pod;
mod routes;
mod spdy;
mod upgrade;
mod wire;

use std::net::Ipv4Addr;

use dask_operator_api_server::Status;

pub use listed::Listed;
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
}
