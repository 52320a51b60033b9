//! What every process of a pod finds in its environment, and how another one is started there.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use k8s_openapi::api::core::v1::Pod;
use kube_memory_api_server::{Call, Status};
use tokio::process::Command;

use super::{Node, environment::Variables};
use crate::{
    streams::{Pods, Running},
    watchdog::MARK,
};

impl Node {
    /// The variables that do not come from the manifest.
    pub(super) fn variables(&self, pod: &Pod, ip: Ipv4Addr) -> Variables {
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        let path = format!(
            "{}:{}:/usr/local/bin:/usr/bin:/bin",
            self.programs.display(),
            self.dir.join("bin").display()
        );
        let search = format!("{namespace}.svc.cluster.local svc.cluster.local cluster.local");
        let home = self.root(pod).join("tmp");
        // A process that misses it says so itself.
        let _ = std::fs::create_dir_all(&home);
        let text = |path: &Path| path.display().to_string();
        [
            ("PATH", path),
            ("HOME", text(&home)),
            ("TMPDIR", text(&home)),
            ("HOSTNAME", pod.metadata.name.clone().unwrap_or_default()),
            ("LANG", "C.UTF-8".into()),
            ("LD_PRELOAD", text(&self.dir.join("pod.so"))),
            ("PYTHONPATH", text(&self.dir.join("python"))),
            ("PYTHONDONTWRITEBYTECODE", "1".into()),
            ("LAPTOP_POD_IP", ip.to_string()),
            ("LAPTOP_HOSTS", text(&self.dir.join("hosts"))),
            ("LAPTOP_SEARCH", search),
            (MARK, text(&self.dir)),
        ]
        .map(|(name, value)| (name.to_string(), value))
        .into()
    }

    /// The folder that stands for a pod's file system.
    pub(super) fn root(&self, pod: &Pod) -> PathBuf {
        self.pod_dir(pod.metadata.uid.as_deref().unwrap_or_default()).join("root")
    }

    fn pod(&self, namespace: &str, name: &str) -> Result<Pod, Status> {
        let call = Call::Get { resource: "pods", namespace: namespace.into(), name: name.into() };
        let object = self.server.call("kubelet", call)?;
        serde_json::from_value((*object).clone())
            .map_err(|e| Status::new(500, "InternalError", e.to_string()))
    }
}

impl Pods for Node {
    fn running(&self, namespace: &str, name: &str) -> Result<Running, Status> {
        let pod = self.pod(namespace, name)?;
        let status = pod.status.unwrap_or_default();
        let phase = status.phase.unwrap_or_default();
        match status.pod_ip.as_deref().and_then(|ip| ip.parse().ok()).filter(|_| phase == "Running") {
            Some(address) => Ok(Running { address, uid: pod.metadata.uid.unwrap_or_default() }),
            None => Err(Status::bad_request(format!("pod {name} is not running: its phase is {phase:?}"))),
        }
    }

    fn command(
        &self,
        namespace: &str,
        name: &str,
        container: Option<&str>,
        words: &[String],
    ) -> Result<Command, Status> {
        let ip = self.running(namespace, name)?.address;
        let pod = self.pod(namespace, name)?;
        let containers = pod.spec.as_ref().map(|s| s.containers.as_slice()).unwrap_or_default();
        let found = match container {
            Some(wanted) => containers.iter().find(|c| c.name == wanted),
            None => containers.first(),
        };
        let missing = || {
            let container = container.unwrap_or_default();
            Status::bad_request(format!("container {container} is not valid for pod {name}"))
        };
        let container = found.ok_or_else(missing)?;
        let within = self
            .within(&pod, container, self.variables(&pod, ip))
            .map_err(|refusal| Status::bad_request(refusal.message))?;
        let words: Vec<String> = words.iter().map(|word| within.paths.rewrite(word)).collect();
        let (program, arguments) = words
            .split_first()
            .ok_or_else(|| Status::bad_request("you must specify at least one command"))?;
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(within.variables).current_dir(within.dir);
        Ok(command)
    }
}
