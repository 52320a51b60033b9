//! A scheduler's side of a connection: questions in, answers out, as well or badly as its mood is.

use std::time::Duration;

use dask_comm::{Connection, Limits, Message, Timeouts, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::{
    Dask, demand,
    scheduler::{Floods, LIMIT, Says, Scheduler},
};

/// What is answered.
enum Reply {
    After(Duration, Value),
    Never,
    /// So many bytes that mean nothing.
    Flood(Vec<u8>),
}

/// What a server of TLS does to a greeting: it answers one of TLS with an alert, and ends the connection at any
/// other, with a line in its log.
pub async fn refuse(mut stream: DuplexStream, dask: Dask) {
    let mut first = [0];
    if stream.read_exact(&mut first).await.is_err() {
        return;
    }
    if first == [0x16] {
        let _ = stream.write_all(b"\x15\x03\x03\0\x02\x02\x28").await;
    } else {
        dask.trace.say("dask", format_args!("WARNING: TLS handshake failed"));
    }
}

/// Serves one connection to the scheduler in this pod, until either side is over.
pub async fn run(stream: DuplexStream, dask: Dask, pod: String) {
    let Ok(mut peer) = Connection::accept(stream, Limits::default(), Timeouts::default()).await else {
        return;
    };
    let Some(id) = dask.lock().schedulers.get(&pod).map(|s| s.id.clone()) else { return };
    while let Ok(Some(message)) = peer.read_message().await {
        let reply = {
            let now = dask.clock.elapsed();
            let mut inner = dask.lock();
            let Some(scheduler) = inner.schedulers.get_mut(&pod).filter(|s| s.id == id) else { return };
            if scheduler.mood.tls {
                // A process that speaks TLS has no connection from before.
                return;
            }
            scheduler.advance(now);
            answer(scheduler, &message.head, now)
        };
        match reply {
            Reply::Never => std::future::pending::<()>().await,
            Reply::After(wait, value) => {
                if !wait.is_zero() {
                    tokio::time::sleep(wait).await;
                }
                if peer.write_message(&value).await.is_err() {
                    return;
                }
            }
            Reply::Flood(frame) => {
                let message = Message { head: Value::Nil, payload: vec![frame.into()] };
                if peer.pass_on(&message).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn answer(scheduler: &mut Scheduler, question: &Value, now: Duration) -> Reply {
    if scheduler.mood.is_silent(now) {
        return Reply::Never;
    }
    let field = |name: &str| question.as_map().and_then(|m| m.iter().find(|(k, _)| k.as_str() == Some(name)));
    let field = |name: &str| field(name).map(|(_, v)| v);
    let texts = |name: &str| -> Vec<String> {
        let list = field(name).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(|v| v.as_str().map(String::from)).collect()
    };
    let slow = scheduler.mood.slow;
    match scheduler.mood.floods {
        Floods::No => {}
        Floods::Bulk => return Reply::Flood(vec![0xc0; 3 << 20]),
        Floods::Crowd => return Reply::After(slow, crowd(scheduler)),
        Floods::Nested => return Reply::After(slow, nested()),
    }
    let value = match field("op").and_then(Value::as_str).unwrap_or_default() {
        "identity" => identity(scheduler),
        "versions" => map([("packages", map([("distributed", "2026.8.0".into())]))]),
        "adaptive_target" => target(scheduler),
        // Who does not tell the truth is asked for a target.
        "run_function" if scheduler.mood.says == Says::Truth => {
            scheduler.has_demand = true;
            map([("status", "OK".into()), ("result", Value::Nil)])
        }
        op if op.starts_with("dask_operator_demand") && scheduler.has_demand => demand::answer(scheduler),
        "workers_to_close" => {
            let n = field("n").and_then(Value::as_u64).unwrap_or(0);
            list(&scheduler.to_close(usize::try_from(n).unwrap_or(0)))
        }
        "retire_workers" => {
            let close = field("close_workers").and_then(Value::as_bool).unwrap_or(false);
            let accepted = scheduler.retire(&texts("workers"), close);
            let late = scheduler.mood.answers_late;
            let value = accepted.iter().map(|a| (a.as_str().into(), map([]))).collect();
            return Reply::After(slow + late, Value::Map(value));
        }
        "check_idle" => match scheduler.idle_since {
            Some(at) => Value::F64(seconds(at)),
            None => Value::Nil,
        },
        "get_task_prefix_states" => prefix_states(scheduler),
        _ => Value::Nil,
    };
    Reply::After(slow, value)
}

fn prefix_states(scheduler: &Scheduler) -> Value {
    let Some(shuffle) = &scheduler.shuffle else { return map([]) };
    let tasks = shuffle.participants.len() as u64;
    map([("shuffle-transfer", map([("processing", tasks.into()), ("memory", 0.into())]))])
}

fn target(scheduler: &mut Scheduler) -> Value {
    match scheduler.mood.says {
        Says::Truth => scheduler.target().into(),
        Says::Nonsense => Value::F64(f64::NAN),
        Says::Millions => {
            scheduler.say_target(900_000);
            900_000.into()
        }
        Says::Double => {
            let twice = 2 * scheduler.workers.len() as u64;
            scheduler.say_target(twice);
            twice.into()
        }
        Says::Error => map([("status", "error".into()), ("text", "TypeError()".into())]),
    }
}

fn identity(scheduler: &Scheduler) -> Value {
    let mut workers: Vec<(Value, Value)> = Vec::new();
    for (address, worker) in &scheduler.workers {
        let (at, executing, bytes) = worker.beat;
        let counts = map([("executing", executing.into())]);
        let entry = map([
            ("name", worker.name.as_str().into()),
            ("host", worker.host.as_str().into()),
            ("status", if worker.leaving { "closing_gracefully" } else { "running" }.into()),
            ("nthreads", 1.into()),
            ("memory_limit", LIMIT.into()),
            ("last_seen", Value::F64(seconds(at))),
            ("nanny", Value::Nil),
            ("metrics", map([("task_counts", counts), ("managed_bytes", bytes.into())])),
        ]);
        workers.push((address.as_str().into(), entry));
    }
    if scheduler.mood.garbles {
        workers.push(("tcp://10.0.0.1:1".into(), map([("name", Value::Nil)])));
    }
    map([
        ("id", scheduler.id.as_str().into()),
        ("started", Value::F64(seconds(scheduler.started))),
        ("workers", Value::Map(workers)),
    ])
}

/// An identity with workers that no pod runs.
fn crowd(scheduler: &Scheduler) -> Value {
    let entry = |n: u32| {
        let address = format!("tcp://10.9.{}.{}:1", n / 250, n % 250);
        let entry = map([
            ("name", n.into()),
            ("host", "10.9.0.0".into()),
            ("status", "running".into()),
            ("metrics", Value::Nil),
        ]);
        (address.into(), entry)
    };
    map([
        ("id", scheduler.id.as_str().into()),
        ("started", Value::F64(seconds(scheduler.started))),
        ("workers", Value::Map((0..2000).map(entry).collect())),
    ])
}

/// An answer that is deep and nothing else.
fn nested() -> Value {
    (0..1000).fold(Value::Nil, |inner, _| Value::Array(vec![inner]))
}

/// Seconds since the epoch, as a scheduler says it.
fn seconds(at: Duration) -> f64 {
    1_800_000_000.0 + at.as_secs_f64()
}

pub(super) fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

fn list(items: &[String]) -> Value {
    Value::Array(items.iter().map(|i| i.as_str().into()).collect())
}
