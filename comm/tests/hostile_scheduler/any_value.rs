//! Any value in place of any reply, and in place of any field of one.

use dask_comm::Value;
use proptest::prelude::*;

use super::{answering, identity, map, worker};

/// Any value: msgpack as `message` writes it.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,300}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..30).prop_map(Value::Binary),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..8).prop_map(Value::Array),
            prop::collection::vec(pair, 0..8).prop_map(Value::Map),
        ]
    })
}

/// Every question, asked of a scheduler that answers `reply` to each.
async fn every_question(reply: Value) {
    let mut client = answering(reply).await;
    let some = ["tcp://a:1".to_owned()];
    let _ = client.identity().await;
    let _ = client.versions().await;
    let _ = client.adaptive_target().await;
    let _ = client.offer_demand().await;
    let _ = client.demand().await;
    let _ = client.workers_to_close(3).await;
    let _ = client.running(&some).await;
    let _ = client.retire_workers(&some, true, true).await;
    let _ = client.p2p_active().await;
    let _ = client.check_idle().await;
    assert!(client.is_usable(), "well-formed answers never close a connection");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_value_for_any_answer(reply in value()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(every_question(reply));
    }

    #[test]
    fn any_type_in_any_field(value in value(), at in 0_usize..11, in_metrics in 0_usize..6) {
        let fields = ["id", "started", "workers", "name", "host", "status", "nthreads", "memory_limit",
            "last_seen", "nanny", "metrics"];
        let metrics = ["task_counts", "managed_bytes", "memory", "agent", "none", "status"];
        let inner = map([(metrics[in_metrics], value.clone())]);
        let entry = if at < 3 { worker([("metrics", inner)]) } else { worker([(fields[at], value.clone())]) };
        let mut reply = identity(map([("tcp://a:1", entry), ("tcp://b:1", worker([]))]));
        if at < 3 && let Value::Map(entries) = &mut reply {
            entries[at].1 = value;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = runtime.block_on(async { answering(reply).await.identity().await });
        if let (3.., Ok(answer)) = (at, &answer) {
            prop_assert!(answer.workers.contains_key("tcp://b:1"), "one bad entry hides no other");
            prop_assert_eq!(answer.workers.len() + answer.refused.len(), 2);
        }
    }
}
