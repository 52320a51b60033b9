//! Replies no real scheduler gives: what the typed client makes of them.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy knows tests only by their attribute

mod any_value;

use dask_comm::{
    Budget, CommError, Connection, Hello, Limits, SchedulerClient, Timeouts, Value, WorkerStatus, frames,
    message, tls,
};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep};

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
    assert!(unsupported(client.offer_demand().await.unwrap_err()));
    assert!(unsupported(client.demand().await.unwrap_err()));
    assert!(unsupported(client.workers_to_close(1).await.unwrap_err()));
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
async fn workers_that_were_not_asked_for() {
    let mut client = answering(list(["tcp://a:1", "tcp://b:1"])).await;
    assert!(matches!(client.workers_to_close(1).await, Err(CommError::Implausible(_))));
    assert_eq!(client.workers_to_close(2).await.unwrap(), ["tcp://a:1", "tcp://b:1"]);
    assert!(matches!(answering(list(["w0"])).await.workers_to_close(1).await, Err(CommError::Malformed(_))));

    let mut client = answering(map([("tcp://b:1", Value::Array(vec![]))])).await;
    let asked = ["tcp://a:1".to_owned()];
    assert!(matches!(client.retire_workers(&asked, true, true).await, Err(CommError::Implausible(_))));
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

/// More workers than the cluster can have: where five pods were made, thousands are refused at once.
#[tokio::test]
async fn more_workers_than_pods() {
    let crowd = |n: usize| {
        let entries = (0..n).map(|i| (format!("tcp://10.0.0.1:{i}").into(), worker([])));
        identity(Value::Map(entries.collect()))
    };
    let budget = Budget::new(1 << 20, 64 << 10);
    let mut client = answering(crowd(421)).await;
    client.allow(420, 1 << 20, &budget);
    match client.identity().await {
        Err(CommError::TooLarge { what, got: 421, limit: 420 }) => assert_eq!(what, "identity: workers"),
        other => panic!("{other:?}"),
    }
    client.allow(421, 1 << 20, &budget);
    assert_eq!(client.identity().await.unwrap().workers.len(), 421, "the connection goes on");
    client.allow(421, 1 << 10, &budget);
    assert!(matches!(client.identity().await, Err(CommError::TooLarge { what: "message", .. })));
}

/// Texts are bounded for all workers together too: what is kept follows the number of pods.
#[tokio::test]
async fn workers_with_long_names() {
    for (length, fits) in [(100, true), (250, false)] {
        let text = "x".repeat(length);
        let long = || worker([("name", text.as_str().into()), ("host", text.as_str().into())]);
        let entries = (0..200).map(|i| (format!("tcp://a:{i}").into(), long()));
        let mut client = answering(identity(Value::Map(entries.collect()))).await;
        client.allow(200, 1 << 20, &Budget::new(1 << 20, 64 << 10));
        match client.identity().await {
            Ok(identity) => assert!(fits && identity.workers.len() == 200),
            Err(CommError::TooLarge { what: "identity: texts of workers", .. }) => assert!(!fits),
            other => panic!("{other:?}"),
        }
    }
}

/// Peers that hold their shares for long do not keep small answers waiting, and give up in time.
#[tokio::test(start_paused = true)]
async fn slow_and_silent_peers_share_a_budget() {
    let budget = Budget::new(1 << 20, 64 << 10);
    let mut slow = Vec::new();
    for drips in [true, false] {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        tokio::spawn(async move {
            let hello = message::encode(&Hello::default().to_value()).unwrap();
            theirs.write_all(&frames::encode(&[hello])).await.unwrap();
            // 900 KiB are declared; then junk and silence, or a byte a second.
            let head: Vec<u8> = [0, 1, 900 << 10].iter().flat_map(|w: &u64| w.to_le_bytes()).collect();
            theirs.write_all(&head).await.unwrap();
            while theirs.write_all(&[0xc1]).await.is_ok() {
                sleep(Duration::from_secs(if drips { 1 } else { 3600 })).await;
            }
        });
        let mut client = Client::connect(ours, Limits::default(), Timeouts::default()).await.unwrap();
        client.allow(100, 1 << 20, &budget);
        slow.push(tokio::spawn(async move {
            let start = Instant::now();
            let error = client.identity().await.unwrap_err();
            (matches!(error, CommError::Timeout { .. }), start.elapsed())
        }));
    }
    sleep(Duration::from_secs(1)).await;
    let mut good = answering(identity(map([("tcp://a:1", worker([]))]))).await;
    good.allow(100, 1 << 20, &budget);
    let start = Instant::now();
    good.identity().await.unwrap();
    assert!(start.elapsed() < Duration::from_millis(100));
    // The first gives its share back when its body does not come, and the second has it then.
    for (slow, seconds) in slow.into_iter().zip([2, 4]) {
        let (is_timeout, after) = slow.await.unwrap();
        assert!(is_timeout && after.as_millis().abs_diff(seconds * 1000) < 100, "{after:?}");
    }
}

/// What a scheduler that speaks TLS makes of our hello: nothing, or an alert.
#[tokio::test]
async fn peers_that_speak_tls() {
    for (answer, expected) in
        [(b"".as_slice(), "NoHello"), (b"\x15\x03\x01\0\x02\x02\x46", "SpeaksTls"), (b"\x15\x04", "Io")]
    {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        theirs.write_all(answer).await.unwrap();
        theirs.shutdown().await.unwrap();
        let error = Client::connect(ours, Limits::default(), Timeouts::default()).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{error:?}");
    }
    for (answer, speaks) in [
        (b"\x16\x03\x03\0\x4a".as_slice(), true),
        (b"\x15\x03\x01", true),
        (b"HTTP/1.1", false),
        (b"", false),
    ] {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        theirs.write_all(answer).await.unwrap();
        theirs.shutdown().await.unwrap();
        assert_eq!(tls::answers(ours, Duration::from_secs(1)).await, speaks, "{answer:?}");
        let mut hello = Vec::new();
        theirs.read_to_end(&mut hello).await.unwrap();
        assert_eq!(usize::from(hello[4]) + 5, hello.len(), "a whole record");
    }
}
