//! Where pods are, as their status in the API server tells.

use dask_operator_api_server::{ApiServer, Call, Status};

use super::{Pods, Running};

/// The pods of an API server.
#[derive(Clone)]
pub struct Listed(pub ApiServer);

impl Pods for Listed {
    fn running(&self, namespace: &str, name: &str) -> Result<Running, Status> {
        let call = Call::Get { resource: "pods", namespace: namespace.into(), name: name.into() };
        let pod = self.0.call("kubelet", call)?;
        let text = |pointer| pod.pointer(pointer).and_then(|v| v.as_str()).unwrap_or_default();
        if text("/spec/nodeName").is_empty() {
            return Err(Status::bad_request(format!("pod {name} does not have a host assigned")));
        }
        let phase = text("/status/phase");
        match text("/status/podIP").parse() {
            Ok(address) if phase == "Running" => Ok(Running { address, uid: text("/metadata/uid").into() }),
            _ => Err(Status::bad_request(format!("pod {name} is not running: its phase is {phase:?}"))),
        }
    }
}
