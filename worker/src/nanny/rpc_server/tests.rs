//! What the nanny's server answers, and that nothing it is sent does it harm.

use std::{collections::BTreeMap, sync::Mutex};

use dask_comm::Limits;
use proptest::prelude::*;
use tokio::{io::AsyncWriteExt, sync::mpsc};

use super::*;
use crate::{
    metrics::Metrics,
    nanny::{Logs, Pod, python_helper::Helper, worker_env::Own},
};

const TOKEN: &str = "secret";

/// A server, what is asked of the nanny by it, and where it listens.
async fn server() -> (Arc<Shared>, mpsc::Receiver<Order>, std::net::SocketAddr) {
    let listener = listen("127.0.0.1".parse().unwrap(), 0).await.unwrap();
    let (orders, ordered) = mpsc::channel(4);
    let at = listener.local_addr().unwrap();
    let shared = Arc::new(Shared {
        scheduler: crate::scheduler::Scheduler::at("tcp://127.0.0.1:1", None).unwrap(),
        token: TOKEN.into(),
        tls: None,
        place: None,
        address: format!("tcp://{at}"),
        now: watch::Sender::new(Now::default()),
        orders,
        changes: Mutex::default(),
        // The tests' own process cannot start anything as the agent does.
        helper: Helper::new(vec!["false".into()]),
        pod: Pod::new(Metrics::new().unwrap(), Logs::default()),
    });
    tokio::spawn(serve(listener, shared.clone()));
    (shared, ordered, at)
}

async fn connected(at: std::net::SocketAddr) -> Connection<TcpStream> {
    let stream = TcpStream::connect(at).await.unwrap();
    Connection::handshake(stream, Limits::default(), Timeouts::default()).await.unwrap()
}

async fn identity_is(at: std::net::SocketAddr) -> bool {
    let answer = connected(at).await.request("identity", vec![]).await.unwrap();
    field(&answer, "type").and_then(Value::as_str) == Some("Nanny")
}

#[tokio::test]
async fn an_unknown_operation_is_nil_and_the_connection_goes_on() {
    let (_shared, _ordered, at) = server().await;
    let mut connection = connected(at).await;
    assert_eq!(connection.request("no_such_thing", vec![]).await.unwrap(), Value::Nil);
    assert_eq!(
        connection.request("close_gracefully", vec![("reason", "x".into())]).await.unwrap(),
        Value::Nil
    );
    assert_eq!(connection.request("get_logs", vec![("n", 3.into())]).await.unwrap(), Value::Array(vec![]));
    assert_eq!(connection.request("close", vec![]).await.unwrap(), Value::from("OK"));
    assert!(connection.request("identity", vec![]).await.is_err(), "it was closed");
}

#[tokio::test]
async fn only_processes_of_this_pod_may_say_what_workers_get() {
    let (shared, _ordered, at) = server().await;
    let mut connection = connected(at).await;
    let env = Value::Map(vec![("LD_PRELOAD".into(), "x".into())]);
    for token in ["", "other"] {
        let state = vec![("token", token.into()), ("env", env.clone())];
        assert_eq!(connection.request("agent_state", state).await.unwrap(), Value::Nil);
        let worker = vec![("token", token.into()), ("pid", 1.into())];
        assert_eq!(connection.request("agent_worker", worker).await.unwrap(), Value::Nil);
    }
    assert_eq!((shared.changes(), shared.now.borrow().starts), (Changes::default(), 0));
    let worker = vec![("token", TOKEN.into()), ("address", "tcp://a:1".into()), ("pid", 7.into())];
    assert_eq!(connection.request("agent_worker", worker).await.unwrap(), Value::from("OK"));
    let state = vec![("token", TOKEN.into()), ("env", env)];
    let there = connection.request("agent_state", state).await.unwrap();
    assert_eq!(field(&there, "pid"), Some(&7.into()));
    let env: BTreeMap<_, _> = shared.changes().env(&Own::default(), |_| true);
    assert_eq!(env["LD_PRELOAD"], "x");
}

#[tokio::test]
async fn a_kill_is_answered_when_the_worker_is_gone() {
    let (_shared, mut ordered, at) = server().await;
    let kill = tokio::spawn(async move {
        connected(at).await.request("kill", vec![("timeout", 3.into())]).await.unwrap()
    });
    let Some(Order::Kill(within, reason, done)) = ordered.recv().await else { panic!("no order") };
    assert_eq!((within, reason.as_str()), (Duration::from_secs(3), "nanny-kill"));
    assert!(!kill.is_finished());
    done.send(()).unwrap();
    assert_eq!(kill.await.unwrap(), Value::Nil);
}

#[tokio::test]
async fn connections_that_say_nothing_keep_no_other_out() {
    let (_shared, _ordered, at) = server().await;
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(connected(at).await);
    }
    assert!(identity_is(at).await);
}

/// Any value that a message can have.
fn value() -> impl Strategy<Value = Value> {
    let ops = [
        "restart",
        "get_logs",
        "agent_state",
        "agent_worker",
        "agent_helper",
        "close_gracefully",
        "identity",
    ];
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,9}".prop_map(Value::from),
        proptest::sample::select(ops.to_vec()).prop_map(Value::from),
        Just(Value::from(TOKEN)),
    ];
    let keys =
        ["op", "token", "timeout", "env", "path", "cwd", "n", "start", "pid", "memory", "interval", "reason"];
    let key = prop_oneof![
        4 => proptest::sample::select(keys.to_vec()).prop_map(Value::from),
        1 => any::<u8>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            proptest::collection::vec((key.clone(), inner), 0..8).prop_map(Value::Map),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_sent_does_harm(heads in proptest::collection::vec(value(), 1..6), bytes: Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (_shared, _ordered, at) = server().await;
            let mut connection = connected(at).await;
            for head in &heads {
                if connection.write_message(head).await.is_err() {
                    break;
                }
            }
            let mut raw = TcpStream::connect(at).await.unwrap();
            let _ = raw.write_all(&bytes).await;
            drop(raw);
            prop_assert!(identity_is(at).await);
            Ok(())
        })?;
    }
}
