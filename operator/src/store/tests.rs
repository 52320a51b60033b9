//! What is remembered of objects that are gone.

use dask_operator_core::model::{
    object::{Group, Meta, Object},
    pod::{AgentRecord, PodRecord},
};
use serde_json::json;

use super::*;
use crate::store::mapping::{Groups, Pods};

fn group() -> Group {
    let meta = Meta { namespace: "ns".into(), name: "g".into(), uid: "g-uid".into(), ..Meta::default() };
    let spec = json!({"cluster": "c", "worker": {"spec": {}}});
    Object { meta, spec: serde_json::from_value(spec).unwrap(), status: Default::default() }
}

#[test]
fn the_last_words_of_a_pod_outlive_it() {
    let (group_key, key) = (ObjectKey::new("ns", "g"), ObjectKey::new("ns", "p"));
    let mut state = State::default();
    state.apply::<Groups>(&group_key, group());
    state.groups.entry("g-uid".into()).or_default();
    let pod = PodRecord { uid: "1".into(), owner_uid: Some("g-uid".into()), ..PodRecord::default() };
    state.apply::<Pods>(&key, pod.clone());
    // Its end and its deletion may come so soon after each other that they are looked at together.
    state.apply::<Pods>(
        &key,
        PodRecord {
            agent: AgentRecord { last_words: Some("Busy: x".into()), ..AgentRecord::default() },
            ..pod
        },
    );
    state.remove::<Pods>(&key);
    let memory = format!("{:?}", state.groups["g-uid"]);
    assert!(memory.contains("pod p ended before its workers had left: Busy: x"), "{memory}");
}
