//! Port forwarding in channels of a WebSocket: two for each port, their number before every message.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use futures::StreamExt;
use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    task::JoinSet,
};

use super::{
    pod::{Pod, WAITING},
    wire::Wire,
};

/// Most ports at once: a channel is a byte.
pub(super) const MOST: usize = 64;

/// Most bytes handed to a pod at once.
const PIECE: usize = 64 * 1024;

/// A port, the two channels of it, and what comes from the client.
struct PortChannels {
    port: u16,
    data: u8,
    error: u8,
    from: Receiver<Bytes>,
}

/// Serves the ports until all of them have ended, or the client.
pub(super) async fn serve(wire: Wire, pod: Pod, ports: Vec<u16>) {
    let (mut incoming, outgoing, mut writer) = wire.start();
    let pod = Arc::new(pod);
    let mut tasks = JoinSet::new();
    let mut senders = Vec::new();
    for (data, port) in (0..=u8::MAX).step_by(2).zip(ports) {
        let (sender, from) = mpsc::channel(WAITING);
        senders.push(sender);
        let channels = PortChannels { port, data, error: data + 1, from };
        tasks.spawn(forward(pod.clone(), channels, outgoing.clone()));
    }
    // Only tasks hold it now: it ends with them.
    drop(outgoing);
    loop {
        tokio::select! {
            message = incoming.next() => match message {
                Some(Ok(message)) => deliver(&senders, message).await,
                _ => break,
            },
            ended = tasks.join_next() => if ended.is_none() { break },
            () = writer.ended() => break,
        }
    }
    tasks.shutdown().await;
    writer.finish(incoming).await;
}

async fn forward(pod: Arc<Pod>, channels: PortChannels, to: Sender<Bytes>) {
    let PortChannels { port, data, error, from } = channels;
    for channel in [data, error] {
        if to.send(message(channel, &port.to_le_bytes())).await.is_err() {
            return;
        }
    }
    if let Err(told) = pod.forward(port, from, &to, |bytes| message(data, bytes)).await {
        // Without a client there is none to tell.
        let _ = to.send(message(error, told.as_bytes())).await;
    }
}

/// To the pod, unless it is for no channel that can be written.
async fn deliver(senders: &[Sender<Bytes>], mut message: Bytes) {
    if message.is_empty() {
        return;
    }
    let channel = message.split_to(1).first().copied().unwrap_or_default();
    let Some(sender) = senders.get(usize::from(channel / 2)).filter(|_| channel % 2 == 0) else { return };
    while !message.is_empty() {
        let piece = message.split_to(message.len().min(PIECE));
        // A port that has ended takes no more, and its client is about to learn it.
        if sender.send(piece).await.is_err() {
            return;
        }
    }
}

/// A message of a channel.
pub(super) fn message(channel: u8, bytes: &[u8]) -> Bytes {
    let mut message = BytesMut::with_capacity(1 + bytes.len());
    message.put_u8(channel);
    message.put_slice(bytes);
    message.freeze()
}
