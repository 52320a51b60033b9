//! Replies no real scheduler gives: what the typed client makes of them.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy knows tests only by their attribute

use dask_comm::{CommError, Connection, Limits, SchedulerClient, Timeouts, Value, WorkerStatus};
use tokio::io::DuplexStream;

type Client = SchedulerClient<DuplexStream>;

/// A client of a scheduler that answers every request with `reply`.
async fn answering(reply: Value) -> Client {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    tokio::spawn(async move {
        let mut peer = Connection::accept(theirs, Limits::default(), Timeouts::default()).await.unwrap();
        while let Ok(Some(_)) = peer.read_message().await {
            peer.write_message(&reply).await.unwrap();
        }
    });
    Client::connect(ours, Limits::default(), Timeouts::default()).await.unwrap()
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

fn list<const N: usize>(items: [&str; N]) -> Value {
    Value::Array(items.map(Value::from).to_vec())
}

/// A worker as it is right after registering, with `changes`.
fn worker<const N: usize>(changes: [(&str, Value); N]) -> Value {
    let mut entry = vec![
        ("name".into(), "w0".into()),
        ("host".into(), "10.0.0.1".into()),
        ("status".into(), "init".into()),
        ("nthreads".into(), 2.into()),
        ("memory_limit".into(), Value::Nil),
        ("last_seen".into(), 1.5.into()),
        ("nanny".into(), Value::Nil),
        ("metrics".into(), map([])),
    ];
    for (key, value) in changes {
        entry.retain(|(k, _): &(Value, Value)| k.as_str() != Some(key));
        entry.push((key.into(), value));
    }
    Value::Map(entry)
}

fn identity(workers: Value) -> Value {
    map([("id", "Scheduler-1".into()), ("started", 1.0.into()), ("workers", workers)])
}

#[tokio::test]
async fn nil_is_an_operation_that_is_missing() {
    let mut client = answering(Value::Nil).await;
    let some = ["tcp://a:1".to_owned()];
    let unsupported = |e: CommError| matches!(e, CommError::Unsupported { .. });
    assert!(unsupported(client.identity().await.unwrap_err()));
    assert!(unsupported(client.versions().await.unwrap_err()));
    assert!(unsupported(client.adaptive_target().await.unwrap_err()));
    assert!(unsupported(client.workers_to_close(1).await.unwrap_err()));
    assert!(unsupported(client.processing(&some).await.unwrap_err()));
    assert!(unsupported(client.retire_workers(&some, true, true).await.unwrap_err()));
    assert!(unsupported(client.p2p_active().await.unwrap_err()));
    assert_eq!(client.check_idle().await.unwrap(), None, "busy");
    assert!(client.is_usable());
}

#[tokio::test]
async fn targets() {
    for bad in [
        Value::from(-1),
        1_000_001.into(),
        u64::MAX.into(),
        2.5.into(),
        f64::NAN.into(),
        "3".into(),
        true.into(),
    ] {
        let error = answering(bad.clone()).await.adaptive_target().await.unwrap_err();
        assert!(matches!(error, CommError::Implausible(_)), "{bad}: {error:?}");
    }
    assert_eq!(answering(1_000_000.into()).await.adaptive_target().await.unwrap(), 1_000_000);
}

#[tokio::test]
async fn workers_nobody_asked_for() {
    let mut client = answering(list(["tcp://a:1", "tcp://b:1"])).await;
    assert!(matches!(client.workers_to_close(1).await, Err(CommError::Implausible(_))));
    assert_eq!(client.workers_to_close(2).await.unwrap(), ["tcp://a:1", "tcp://b:1"]);
    assert!(matches!(answering(list(["w0"])).await.workers_to_close(1).await, Err(CommError::Malformed(_))));

    let mut client = answering(map([("tcp://b:1", Value::Array(vec![]))])).await;
    let asked = ["tcp://a:1".to_owned()];
    assert!(matches!(client.retire_workers(&asked, true, true).await, Err(CommError::Implausible(_))));
    assert!(client.processing(&asked).await.unwrap().is_empty());
}

#[tokio::test]
async fn worker_without_heartbeat() {
    let reply = identity(map([
        ("tcp://a:1", worker([("name", 7.into())])),
        ("tcp://b:1", worker([("metrics", Value::Nil)])),
    ]));
    let identity = answering(reply).await.identity().await.unwrap();
    assert_eq!(identity.refused, []);
    let worker = &identity.workers["tcp://a:1"];
    assert_eq!((worker.name.as_str(), worker.status, worker.nthreads), ("7", WorkerStatus::Init, 2));
    assert_eq!((worker.memory_limit, worker.executing, worker.rss_bytes), (0, 0, 0));
}

#[tokio::test]
async fn one_bad_worker_does_not_hide_the_others() {
    let long = "x".repeat(257);
    let counts = |n: Value| map([("task_counts", map([("executing", n)]))]);
    let bad = [
        worker([("name", long.as_str().into())]),
        worker([("host", long.as_str().into())]),
        worker([("status", long.as_str().into())]),
        worker([("nanny", "no address".into())]),
        worker([("name", Value::Array(vec![]))]),
        worker([("nthreads", u64::MAX.into())]),
        worker([("memory_limit", (-1).into())]),
        worker([("last_seen", f64::INFINITY.into())]),
        worker([("metrics", counts((-1).into()))]),
        Value::Nil,
    ];
    for entry in bad {
        let reply = identity(map([("tcp://a:1", worker([])), ("tcp://bad:1", entry.clone())]));
        let identity = answering(reply).await.identity().await.unwrap();
        assert_eq!(identity.workers.keys().collect::<Vec<_>>(), ["tcp://a:1"], "{entry}");
        assert_eq!(identity.refused[0].address, "tcp://bad:1");
        assert!(identity.refused[0].reason.len() < 100, "{}", identity.refused[0].reason);
    }
    let long_address = identity(map([(long.as_str(), worker([]))]));
    let identity = answering(long_address).await.identity().await.unwrap();
    assert!(identity.workers.is_empty() && identity.refused[0].address.len() == 256);
}

#[tokio::test]
async fn identities_that_are_none() {
    let no_workers = map([("id", "x".into())]);
    for bad in [Value::from(1), map([]), no_workers, identity(Value::Array(vec![]))] {
        let error = answering(bad.clone()).await.identity().await.unwrap_err();
        assert!(matches!(error, CommError::Malformed(_)), "{bad}: {error:?}");
    }
    let crowd = Value::Map(vec![(Value::Nil, Value::Nil); 100_001]);
    let error = answering(identity(crowd)).await.identity().await.unwrap_err();
    assert!(matches!(error, CommError::TooLarge { got: 100_001, limit: 100_000, .. }), "{error:?}");
}

#[tokio::test]
async fn p2p_that_has_not_begun_or_is_over() {
    let states = |prefix: &str, state: &str| map([(prefix, map([(state, 1.into())]))]);
    let active = [
        states("shuffle-transfer", "processing"),
        states("gated_block-rechunk-transfer", "memory"),
        states("hash-join-transfer", "memory"),
        states("shuffle-barrier", "memory"),
    ];
    for reply in active {
        assert!(answering(reply.clone()).await.p2p_active().await.unwrap(), "{reply}");
    }
    let inactive = [
        map([]),
        states("shuffle-barrier", "waiting"),
        states("shuffle-transfer", "released"),
        states("rechunk-transfer", "erred"),
        states("shuffle", "memory"),
        states("rechunk", "processing"),
    ];
    for reply in inactive {
        assert!(!answering(reply.clone()).await.p2p_active().await.unwrap(), "{reply}");
    }
}

#[tokio::test]
async fn versions_we_cannot_read() {
    for distributed in [Value::from("unknown"), Value::Nil, 3.into()] {
        let reply = map([("packages", map([("distributed", distributed)]))]);
        assert_eq!(answering(reply).await.versions().await.unwrap(), None);
    }
    assert_eq!(answering(map([])).await.versions().await.unwrap(), None);
}

#[tokio::test]
async fn errors_of_handlers() {
    let long = "ä".repeat(5000);
    let reply =
        map([("status", "error".into()), ("exception", "no\nway".into()), ("exception_text", Value::Nil)]);
    match answering(reply).await.identity().await {
        Err(CommError::Remote { text, .. }) => assert_eq!(text, "no way"),
        other => panic!("{other:?}"),
    }
    let reply = map([("status", "uncaught-error".into()), ("exception_text", long.as_str().into())]);
    let mut client = answering(reply).await;
    match client.check_idle().await {
        Err(CommError::Remote { text, op }) => assert_eq!((text.len(), op.as_str()), (1024, "check_idle")),
        other => panic!("{other:?}"),
    }
    assert!(client.is_usable());
}
