//! The nanny's RPC server: what schedulers, clients, the worker and the helper ask of it.

use std::{net::IpAddr, sync::Arc, time::Duration};

use dask_comm::{CommError, Connection, Message, Timeouts, Value, field};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{
    scheduler::{BULK, BULK_TIME},
    stream,
};

use super::{
    Now, Order, Shared, Worker,
    rpc_connections::{Place, RpcConnections},
    worker_env::Changes,
};

/// How long a worker may take to end or to start, where the request does not say it (`distributed/nanny.py`).
const KILL: f64 = 5.0;
const RESTART: f64 = 30.0;
/// What a worker gives as the reason for its end when its scheduler closes in order (`Scheduler.close`).
const GOODBYE: &str = "scheduler-close";
/// Longest time that a request may ask for, seconds.
const LONGEST: f64 = 3600.0;

/// What follows a request.
enum Reply {
    /// This.
    Value(Value),
    /// This, as it came.
    Message(Message),
    /// The connection has been handed over.
    Taken,
}

/// A listener for schedulers and clients of the same family as `own`.
///
/// # Errors
/// The port is taken.
pub async fn listen(own: IpAddr, port: u16) -> std::io::Result<TcpListener> {
    let any = if own.is_ipv6() { IpAddr::V6([0; 16].into()) } else { IpAddr::V4([0; 4].into()) };
    // A cluster of one machine's processes: each has an address of its own.
    TcpListener::bind((if own.is_loopback() { own } else { any }, port)).await
}

/// Serves until the future is dropped.
pub async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let guests = RpcConnections::default();
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                let Some((place, left)) = guests.come() else {
                    tracing::warn!(%from, "a connection to the nanny is refused: 64 are in use");
                    continue;
                };
                let shared = shared.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        talked = talk(stream, place, &shared) => if let Err(error) = talked {
                            tracing::debug!(%error, "a connection to the nanny ended");
                        },
                        Ok(()) = left => tracing::debug!(%from, "an idle connection to the nanny gives way"),
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn talk(stream: TcpStream, mut place: Place, shared: &Arc<Shared>) -> Result<(), CommError> {
    let stream = stream::accept(stream, shared.tls.as_ref()).await?;
    let timeouts = Timeouts { request: BULK_TIME, ..Timeouts::default() };
    let mut connection = Connection::accept(stream, BULK, timeouts).await?;
    while let Some(message) = connection.read_message().await? {
        place.is_busy(true);
        let asked = |key: &str| field(&message.head, key).and_then(Value::as_bool);
        let (wants_reply, closes) = (asked("reply").unwrap_or(true), asked("close").unwrap_or(false));
        let op = field(&message.head, "op").and_then(Value::as_str).unwrap_or_default().to_owned();
        if op == "agent_helper" && is_ours(&message.head, shared) {
            shared.helper.takes(connection);
            return Ok(());
        }
        match answer(&op, message, shared).await {
            Reply::Value(value) if wants_reply => connection.write_message(&value).await?,
            Reply::Message(message) if wants_reply => connection.pass_on(&message).await?,
            Reply::Taken => return Ok(()),
            _ => {}
        }
        if closes || op == "close" {
            return Ok(());
        }
        place.is_busy(false);
    }
    Ok(())
}

/// Answers as `distributed.Nanny` does; nil where it has no such operation.
async fn answer(op: &str, message: Message, shared: &Arc<Shared>) -> Reply {
    let head = &message.head;
    let reason = || text(head, "reason").unwrap_or_else(|| format!("nanny-{op}"));
    Reply::Value(match op {
        "identity" => map(vec![("type", "Nanny".into()), ("id", format!("Nanny-{}", shared.address).into())]),
        "close" => "OK".into(),
        "kill" => {
            shared.kill(seconds(head, KILL), &reason()).await;
            Value::Nil
        }
        "restart" => restart(shared, seconds(head, RESTART), &reason()).await.into(),
        "instantiate" => {
            let is_there = started(&mut shared.now.subscribe(), 0, seconds(head, RESTART)).await;
            if is_there { "running" } else { "timed out" }.into()
        }
        "terminate" => {
            let _ = shared.orders.send(Order::Terminate(reason())).await;
            "OK".into()
        }
        "close_gracefully" => {
            tracing::info!(reason = reason(), "the worker is not to be started again");
            if reason() == GOODBYE {
                shared.scheduler.connection().said_goodbye();
            }
            shared.now.send_modify(|now| now.told = Some(reason()));
            Value::Nil
        }
        "get_logs" => logs(head, shared),
        "run" | "plugin_add" | "plugin_remove" => return by_helper(op, message, shared).await,
        "agent_worker" if is_ours(head, shared) => registered(head, shared),
        "agent_state" if is_ours(head, shared) => changed(head, shared),
        "agent_helper" => return Reply::Taken,
        _ => Value::Nil,
    })
}

/// Has the helper answer. Whether there is to be an answer, and what becomes of the connection, is between the asking
/// side and us.
async fn by_helper(op: &str, mut message: Message, shared: &Shared) -> Reply {
    if let Value::Map(head) = &mut message.head {
        head.retain(|(key, _)| !["reply", "close"].iter().any(|k| key.as_str() == Some(*k)));
    }
    match shared.helper.ask(shared, &message).await {
        Ok(answer) => Reply::Message(answer),
        Err(error) => {
            tracing::warn!(op, %error, "failed");
            let text = error.to_string();
            Reply::Value(map(vec![
                ("status", "error".into()),
                ("exception", text.clone().into()),
                ("traceback", Value::Nil),
                ("exception_text", text.into()),
                ("traceback_text", "".into()),
            ]))
        }
    }
}

async fn restart(shared: &Shared, within: Duration, reason: &str) -> &'static str {
    let mut now = shared.now.subscribe();
    let before = now.borrow().starts;
    let both = async {
        // Before the first worker there is nothing to restart.
        if before > 0 {
            shared.kill(within, reason).await;
            started(&mut now, before, within).await;
        }
    };
    match tokio::time::timeout(within, both).await {
        Ok(()) => "OK",
        Err(_) => "timed out",
    }
}

/// Waits for a worker after the first `before` ones.
async fn started(now: &mut watch::Receiver<Now>, before: u64, within: Duration) -> bool {
    let there = now.wait_for(|now| now.starts > before && now.worker.is_some());
    matches!(tokio::time::timeout(within, there).await, Ok(Ok(_)))
}

fn logs(head: &Value, shared: &Shared) -> Value {
    let number = |key: &str| field(head, key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    let lines = shared.pod.logs.newest(number("start").unwrap_or(0), number("n"));
    lines
        .into_iter()
        .map(|(level, line)| Value::Array(vec![level.into(), line.into()]))
        .collect::<Vec<_>>()
        .into()
}

/// The worker says that it is registered.
fn registered(head: &Value, shared: &Shared) -> Value {
    let number = |key: &str| field(head, key).and_then(Value::as_u64).unwrap_or(0);
    let worker = Worker {
        address: text(head, "address").unwrap_or_default(),
        pid: i32::try_from(number("pid")).unwrap_or(0),
        folder: text(head, "folder").unwrap_or_default().into(),
        terminate: number("memory"),
        part: field(head, "part").and_then(Value::as_f64).unwrap_or(0.0),
        interval: Duration::from_millis(number("interval").clamp(10, 60_000)),
    };
    tracing::info!(address = worker.address, pid = worker.pid, "the worker is registered");
    shared.now.send_modify(|now| {
        now.starts += 1;
        now.worker = Some(worker);
    });
    "OK".into()
}

/// The helper tells what new workers are to get, and hears of the one that is there.
fn changed(head: &Value, shared: &Shared) -> Value {
    shared.change(Changes::of(head));
    let Some(worker) = shared.now.borrow().worker.clone() else { return map(vec![]) };
    map(vec![
        ("worker_address", worker.address.into()),
        ("worker_dir", worker.folder.to_string_lossy().into_owned().into()),
        ("pid", worker.pid.into()),
    ])
}

fn is_ours(head: &Value, shared: &Shared) -> bool {
    text(head, "token").is_some_and(|token| token == shared.token)
}

fn text(head: &Value, key: &str) -> Option<String> {
    field(head, key).and_then(Value::as_str).map(String::from)
}

fn seconds(head: &Value, default: f64) -> Duration {
    let asked = field(head, "timeout").and_then(Value::as_f64).filter(|s| s.is_finite());
    Duration::from_secs_f64(asked.unwrap_or(default).clamp(0.0, LONGEST))
}

fn map(entries: Vec<(&str, Value)>) -> Value {
    Value::Map(entries.into_iter().map(|(k, v)| (k.into(), v)).collect())
}

#[cfg(test)]
mod tests;
