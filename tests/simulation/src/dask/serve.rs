//! A scheduler's side of a connection: questions in, answers out, as well or badly as its mood is.

use std::time::Duration;

use dask_comm::{Connection, Limits, Timeouts, Value};
use tokio::io::DuplexStream;

use super::{
    Dask,
    scheduler::{LIMIT, Says, Scheduler},
};

/// What is answered.
enum Reply {
    After(Duration, Value),
    Never,
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
    let value = match field("op").and_then(Value::as_str).unwrap_or_default() {
        "identity" => identity(scheduler),
        "versions" => map([("packages", map([("distributed", "2026.8.0".into())]))]),
        "adaptive_target" => target(scheduler),
        "workers_to_close" => {
            let n = field("n").and_then(Value::as_u64).unwrap_or(0);
            list(&scheduler.to_close(usize::try_from(n).unwrap_or(0)))
        }
        "processing" => processing(scheduler, &texts("workers")),
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
        "get_task_prefix_states" => match &scheduler.shuffle {
            Some(shuffle) => {
                let tasks = shuffle.participants.len() as u64;
                map([("shuffle-transfer", map([("processing", tasks.into()), ("memory", 0.into())]))])
            }
            None => map([]),
        },
        _ => Value::Nil,
    };
    Reply::After(slow, value)
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

fn processing(scheduler: &Scheduler, wanted: &[String]) -> Value {
    let all = scheduler.workers.iter().filter(|(a, _)| wanted.is_empty() || wanted.contains(a));
    let entries = all.map(|(address, worker)| {
        let tasks = worker.runs.iter().map(|_| Value::from("task")).collect();
        (address.as_str().into(), Value::Array(tasks))
    });
    Value::Map(entries.collect())
}

/// Seconds since the epoch, as a scheduler says it.
fn seconds(at: Duration) -> f64 {
    1_800_000_000.0 + at.as_secs_f64()
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

fn list(items: &[String]) -> Value {
    Value::Array(items.iter().map(|i| i.as_str().into()).collect())
}
