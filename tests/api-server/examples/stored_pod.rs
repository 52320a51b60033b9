//! A pod is stored, and read again with kube's own client. The README shows this file.

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use kube_memory_api_server::{ApiServer, Settings};
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = ApiServer::new(jiff::Timestamp::now, Settings::default());
    let pods: Api<Pod> = Api::default_namespaced(Client::new(server.service("me"), "default"));
    let spec = json!({"containers": [{"name": "main", "image": "nginx"}]});
    let pod = serde_json::from_value(json!({"metadata": {"name": "web"}, "spec": spec}))?;
    pods.create(&Default::default(), &pod).await?;
    let stored = pods.get("web").await?;
    println!("restartPolicy is {:?}", stored.spec.and_then(|spec| spec.restart_policy));
    Ok(())
}
