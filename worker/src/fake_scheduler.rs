//! A scheduler for tests: answers as it is told, and counts what it is asked.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use dask_comm::{Connection, Limits, Timeouts, Value, field};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::scheduler::Scheduler;

type Answer = dyn Fn(&str, &Value) -> Value + Send + Sync;

/// One that runs until it is dropped.
pub struct Fake {
    pub at: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    asked: BTreeMap<String, usize>,
    talks: Vec<JoinHandle<()>>,
}

impl Fake {
    /// Starts one.
    pub async fn start(answer: impl Fn(&str, &Value) -> Value + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (at, seen) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Seen::default())));
        let (shared, answer): (_, Arc<Answer>) = (seen.clone(), Arc::new(answer));
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (inner, answer) = (shared.clone(), answer.clone());
                let talk = tokio::spawn(async move {
                    let connection = Connection::accept(stream, Limits::default(), Timeouts::default()).await;
                    let Ok(mut connection) = connection else { return };
                    while let Ok(Some(message)) = connection.read_message().await {
                        let op = field(&message.head, "op").and_then(Value::as_str).unwrap().to_owned();
                        *inner.lock().unwrap().asked.entry(op.clone()).or_default() += 1;
                        let reply = answer(&op, &message.head);
                        if reply == Value::from("silent") {
                            std::future::pending::<()>().await;
                        }
                        connection.write_message(&reply).await.unwrap();
                    }
                });
                let mut seen = shared.lock().unwrap();
                seen.connections += 1;
                seen.talks.push(talk);
            }
        });
        Self { at, seen, serving }
    }

    /// How to reach it.
    pub fn scheduler(&self) -> Scheduler {
        Scheduler::at(&format!("tcp://{}", self.at), None).unwrap()
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    /// How often this was asked.
    pub fn asked(&self, op: &str) -> usize {
        self.seen.lock().unwrap().asked.get(op).copied().unwrap_or(0)
    }

    /// Takes no new connections; those that there are go on.
    pub async fn unreachable(&mut self) {
        self.serving.abort();
        let _ = (&mut self.serving).await;
    }

    /// Ends its conversations.
    pub async fn hang_up(&self) {
        let talks = std::mem::take(&mut self.seen.lock().unwrap().talks);
        for talk in talks {
            talk.abort();
            let _ = talk.await;
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.serving.abort();
        self.seen.lock().unwrap().talks.drain(..).for_each(|talk| talk.abort());
    }
}

/// A map of texts to values.
pub fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(entries.iter().map(|(k, v)| ((*k).into(), v.clone())).collect())
}

/// Waits until `what` holds.
pub async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
