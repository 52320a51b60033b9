//! One pod and connections to its ports.

use std::{
    future::Future,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use kube_memory_api_server::Status;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc::{Receiver, Sender},
    time::{sleep, timeout},
};

use super::{Pods, Running};

/// Pieces from a client that may wait for the pod to read them.
pub(super) const WAITING: usize = 8;

/// Bytes in one frame to a client.
const PIECE: usize = 32 * 1024;

/// How long a pod may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a pod may be silent after its client has sent its end.
const SILENCE: Duration = Duration::from_secs(60);

/// A pod that a client has asked for.
pub(super) struct Pod {
    pods: Arc<dyn Pods>,
    namespace: String,
    name: String,
    uid: String,
}

impl Pod {
    /// The pod as it runs now.
    pub(super) fn find(pods: Arc<dyn Pods>, namespace: String, name: String) -> Result<Self, Status> {
        let uid = pods.running(&namespace, &name)?.uid;
        Ok(Self { pods, namespace, name, uid })
    }

    /// Connects a client's stream with a port until one of them ends; an error in the words of a kubelet.
    pub(super) async fn forward(
        &self,
        port: u16,
        from: Receiver<Bytes>,
        to: &Sender<Bytes>,
        frame: impl Fn(&[u8]) -> Bytes + Send,
    ) -> Result<(), String> {
        let told = |why| format!("error forwarding port {port} to pod {}, uid : {why}", self.name);
        let socket = self.connect(port).await.map_err(told)?;
        carry(socket, from, to, frame).await.map_err(|error| told(format!("port {port}: {error}")))
    }

    async fn connect(&self, port: u16) -> Result<TcpStream, String> {
        let Running { address, uid } =
            self.pods.running(&self.namespace, &self.name).map_err(|status| status.message)?;
        if uid != self.uid {
            return Err(format!("pod {} is another one by now", self.name));
        }
        let failed = |why: &dyn std::fmt::Display| format!("dial tcp4 {address}:{port}: connect: {why}");
        match timeout(PATIENCE, TcpStream::connect((address, port))).await {
            Ok(Ok(socket)) => Ok(socket),
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Err(failed(&"connection refused"))
            }
            Ok(Err(error)) => Err(failed(&error)),
            Err(_) => Err(failed(&"connection timed out")),
        }
    }
}

/// Carries bytes both ways until the pod ends.
async fn carry(
    socket: TcpStream,
    from: Receiver<Bytes>,
    to: &Sender<Bytes>,
    frame: impl Fn(&[u8]) -> Bytes + Send,
) -> io::Result<()> {
    // What comes in frames is not to wait for more of it.
    socket.set_nodelay(true)?;
    let (read, write) = socket.into_split();
    let heard = AtomicBool::new(true);
    let down = pin!(to_pod(write, from));
    let up = pin!(to_client(read, to, frame, &heard));
    up_first(up, down, &heard).await
}

/// The end of the pod ends all; that of the client, or a pod that reads no more, only its own direction.
async fn up_first(
    mut up: impl Future<Output = io::Result<()>> + Unpin,
    mut down: impl Future<Output = io::Result<()>> + Unpin,
    heard: &AtomicBool,
) -> io::Result<()> {
    tokio::select! {
        ended = &mut up => return ended,
        // If it fails, reading from the pod tells more.
        _ = &mut down => {}
    }
    loop {
        tokio::select! {
            ended = &mut up => return ended,
            () = sleep(SILENCE) => if !heard.swap(false, Relaxed) { return Ok(()) },
        }
    }
}

async fn to_pod(mut pod: OwnedWriteHalf, mut from: Receiver<Bytes>) -> io::Result<()> {
    while let Some(bytes) = from.recv().await {
        pod.write_all(&bytes).await?;
    }
    pod.shutdown().await
}

async fn to_client(
    mut pod: OwnedReadHalf,
    to: &Sender<Bytes>,
    frame: impl Fn(&[u8]) -> Bytes + Send,
    heard: &AtomicBool,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = pod.read(&mut piece).await?;
        let Some(bytes) = piece.get(..length).filter(|b| !b.is_empty()) else { return Ok(()) };
        heard.store(true, Relaxed);
        if to.send(frame(bytes)).await.is_err() {
            return Ok(());
        }
    }
}
