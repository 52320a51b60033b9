//! Two ways to a scheduler: straight to its pod, or through the API server.

use std::io;

use futures::{FutureExt, future::BoxFuture};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use tokio::net::TcpStream;

use crate::env::{Address, Connector, SchedulerStream};

/// From a pod: straight to the scheduler's IP, which the API server told. No DNS.
#[derive(Debug)]
pub struct Direct;

impl Connector for Direct {
    fn dial(&self, to: Address) -> BoxFuture<'static, io::Result<Box<dyn SchedulerStream>>> {
        async move {
            let stream = TcpStream::connect((to.ip.as_str(), to.port)).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn SchedulerStream>)
        }
        .boxed()
    }
}

/// From outside: a port-forward with the caller's own rights.
#[derive(Clone)]
pub struct PortForward(pub Client);

impl std::fmt::Debug for PortForward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PortForward")
    }
}

impl Connector for PortForward {
    fn dial(&self, to: Address) -> BoxFuture<'static, io::Result<Box<dyn SchedulerStream>>> {
        let pods: Api<Pod> = Api::namespaced(self.0.clone(), &to.namespace);
        async move {
            let mut forward = pods.portforward(&to.pod, &[to.port]).await.map_err(io::Error::other)?;
            let stream = forward.take_stream(to.port).ok_or_else(|| io::Error::other("no stream"))?;
            Ok(Box::new(stream) as Box<dyn SchedulerStream>)
        }
        .boxed()
    }
}
