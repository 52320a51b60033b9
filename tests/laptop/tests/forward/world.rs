//! What ports are forwarded in: an API server, a pod that echoes, and kubectl.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use dask_operator_laptop::streams::{Pods, Running, routes};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, Config};
use kube_memory_api_server::{ApiServer, Call, Settings, Status, http as api};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
    time::timeout,
};

/// A port of the pod without a listener.
pub const CLOSED: u16 = 9;

/// The address of the pod.
const POD: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Pods of the API server, whose commands run right here.
struct Here(ApiServer);

impl Pods for Here {
    fn running(&self, namespace: &str, name: &str) -> Result<Running, Status> {
        let call = Call::Get { resource: "pods", namespace: namespace.into(), name: name.into() };
        let pod = self.0.call("kubelet", call)?;
        let uid = pod["metadata"]["uid"].as_str().unwrap().to_string();
        match pod["status"]["podIP"].as_str().map(|ip| ip.parse().unwrap()) {
            Some(address) if pod["status"]["phase"] == "Running" => Ok(Running { address, uid }),
            _ => Err(Status::bad_request(format!("pod {name} is not running"))),
        }
    }

    fn command(&self, _: &str, name: &str, _: Option<&str>, all: &[String]) -> Result<Command, Status> {
        let mut command = Command::new(&all[0]);
        command.args(&all[1..]).env("POD", name);
        Ok(command)
    }
}

/// An API server, and a pod with two ports.
pub struct World {
    pub url: String,
    /// Sends back what it gets.
    pub echo: u16,
    /// Says something and ends.
    pub last_words: u16,
}

impl World {
    pub async fn start() -> Self {
        let settings = Settings { journal: false, ..Settings::default() };
        let server = ApiServer::new(jiff::Timestamp::now, settings);
        pod(&server, "echo", "Running");
        pod(&server, "waiting", "Pending");
        let router = routes(Arc::new(Here(server.clone()))).merge(api::router(server));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, echo: echo().await, last_words: last_words().await }
    }

    pub fn client(&self) -> Client {
        Client::try_from(Config::new(self.url.parse().unwrap())).unwrap()
    }

    pub fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client(), "default")
    }
}

fn pod(server: &ApiServer, name: &str, phase: &str) {
    let namespace = "default".to_string();
    let body = json!({
        "metadata": {"name": name},
        "spec": {"nodeName": "here", "containers": [{"name": "all", "image": "none"}]},
    });
    let create = Call::Create { resource: "pods", namespace: namespace.clone(), body };
    server.call("test", create).unwrap();
    let patch = json!({"status": {"phase": phase, "podIP": POD.to_string()}});
    let subresource = Some("status");
    let patch = Call::MergePatch { resource: "pods", namespace, name: name.into(), subresource, patch };
    server.call("test", patch).unwrap();
}

async fn echo() -> u16 {
    let listener = TcpListener::bind((POD, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = socket.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
                let _ = write.shutdown().await;
            });
        }
    });
    port
}

async fn last_words() -> u16 {
    let listener = TcpListener::bind((POD, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.write_all(b"last words").await;
        }
    });
    port
}

/// Bytes that tell where they are from.
pub fn bytes(length: usize) -> Vec<u8> {
    (0..length as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// Sends bytes and gets them back; with `half`, it also ends its own direction first.
pub async fn echoed(stream: impl AsyncRead + AsyncWrite, length: usize, half: bool) {
    let (mut read, mut write) = tokio::io::split(stream);
    let sent = bytes(length);
    let send = async {
        write.write_all(&sent).await.unwrap();
        if half {
            write.shutdown().await.unwrap();
        }
    };
    let receive = async {
        let mut got = Vec::new();
        if half {
            read.read_to_end(&mut got).await.unwrap();
        } else {
            got.resize(length, 0);
            read.read_exact(&mut got).await.unwrap();
        }
        got
    };
    let all = async { tokio::join!(send, receive) };
    let ((), got) = timeout(Duration::from_secs(60), all).await.unwrap();
    assert!(got == sent, "{} bytes of {length} came back", got.len());
}

/// `$KUBECTL`, or that of the path.
pub fn kubectl(world: &World) -> Command {
    let mut command = Command::new(std::env::var("KUBECTL").unwrap_or_else(|_| "kubectl".into()));
    command.args(["--server", &world.url]).env("KUBECONFIG", "/dev/null").stdin(Stdio::null());
    command
}

/// A running kubectl that forwards a port.
pub struct Forward {
    pub address: SocketAddr,
    child: Child,
}

impl Forward {
    pub async fn start(world: &World, port: u16, web_sockets: bool) -> Self {
        let mut child = kubectl(world)
            .args(["port-forward", "pod/echo", &format!(":{port}"), "--address", "127.0.0.1"])
            .env("KUBECTL_PORT_FORWARD_WEBSOCKETS", web_sockets.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let Some(line) = lines.next_line().await.unwrap() else {
            let mut told = String::new();
            child.stderr.take().unwrap().read_to_string(&mut told).await.unwrap();
            panic!("kubectl: {told}");
        };
        let address = line.split(' ').nth(2).and_then(|a| a.parse().ok()).unwrap();
        // It tells of every connection: the pipe must not fill.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { address, child }
    }

    /// What it tells until it ends.
    pub async fn errors(mut self) -> String {
        let mut told = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut told).await.unwrap();
        told
    }
}
