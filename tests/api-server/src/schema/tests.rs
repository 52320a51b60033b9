//! Objects of our own kinds and of a probe of everything else, against the answers of a real kube-apiserver 1.34.4.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// What was sent and what was answered: `old` is what was stored before; an answer is `causes` or `result`, and
/// `strict` the complaint about unknown fields.
const REAL: &str = include_str!("tests/real.json");

fn crds() -> Vec<Value> {
    let mut crds = dask_crds::definitions();
    crds.push(serde_saphyr::from_str(include_str!("tests/probe.yaml")).unwrap());
    crds
}

pub(crate) fn schemas() -> BTreeMap<String, Schema> {
    let kind = |crd: &Value| crd["spec"]["names"]["kind"].as_str().unwrap().to_owned();
    crds().iter().map(|crd| (kind(crd), Schema::of(crd, "v1").unwrap())).collect()
}

fn whole(kind: &str, parts: &Value) -> Value {
    let mut object = parts.clone();
    let name = object.as_object_mut().unwrap().remove("name").unwrap_or("a".into());
    object["apiVersion"] = json!("example.org/v1");
    object["kind"] = json!(kind);
    object["metadata"] = json!({"name": name});
    object
}

/// What the server does around a schema: the status is written by itself.
fn answer(schema: &Schema, kind: &str, case: &Value) -> Value {
    let old = case.get("old").map(|old| {
        let mut old = whole(kind, old);
        schema.prune(&mut old);
        schema.default(&mut old);
        old
    });
    let mut new = whole(kind, &case["object"]);
    let unknown = schema.prune(&mut new);
    schema.default(&mut new);
    let status = new.as_object_mut().unwrap().remove("status");
    let causes = match &old {
        Some(old) if case["status"] == true => {
            new = old.clone();
            new.as_object_mut().unwrap().remove("status");
            status.into_iter().for_each(|status| new["status"] = status);
            schema.validate_status(&new, old)
        }
        old => schema.validate(&new, old.as_ref()),
    };
    let mut causes: Vec<[String; 3]> =
        causes.into_iter().map(|cause| [cause.reason.to_owned(), cause.field, cause.message]).collect();
    causes.sort();
    let mut answer = json!({});
    if !unknown.is_empty() {
        let fields: Vec<String> = unknown.iter().map(|path| format!("unknown field \"{path}\"")).collect();
        answer["strict"] = fields.join(", ").into();
    }
    if causes.is_empty() {
        new.as_object_mut().unwrap().retain(|key, _| ["spec", "status"].contains(&key.as_str()));
        answer["result"] = new;
    } else {
        answer["causes"] = json!(causes);
    }
    answer
}

#[test]
fn answers_are_those_of_a_real_api_server() {
    let schemas = schemas();
    let cases: Vec<Value> = serde_json::from_str(REAL).unwrap();
    let mut wrong = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let kind = case["kind"].as_str().unwrap();
        let answer = answer(&schemas[kind], kind, case);
        for key in ["strict", "causes", "result"] {
            if answer.get(key) != case.get(key) {
                wrong.push(format!(
                    "{index} {key}\n  sent {} {}\n  ours {}\n  real {}",
                    case["old"], case["object"], answer[key], case[key]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Objects of the fields of the probe, right and wrong.
fn objects() -> impl Strategy<Value = Value> {
    let names =
        ["spec", "low", "nested", "deep", "atomic", "keyed", "name", "use", "kept", "known", "x", "nulled"];
    let names = [&names[..], &["filled", "labels", "pairs", "port", "anything", "status"]].concat();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3..9_i64).prop_map(Value::from),
        "[a-z]{0,3}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(5, 60, 6, move |inner| {
        let field = (proptest::sample::select(names.clone()), inner.clone());
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            proptest::collection::vec(field, 0..7).prop_map(|fields| fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    });
    value.prop_map(|spec| json!({"apiVersion": "example.org/v1", "kind": "Probe", "metadata": {"name": "a"}, "spec": spec}))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_pruned_and_defaulted_stays_as_it_is(object in objects(), other in objects()) {
        thread_local!(static PROBE: Schema = Schema::of(crds().last().unwrap(), "v1").unwrap());
        PROBE.with(|probe| {
            let (mut once, mut other) = (object.clone(), other);
            probe.prune(&mut once);
            let pruned = once.clone();
            prop_assert_eq!(probe.prune(&mut once), Vec::<String>::new());
            prop_assert_eq!(&once, &pruned);
            probe.default(&mut once);
            let defaulted = once.clone();
            probe.default(&mut once);
            prop_assert_eq!(&once, &defaulted);
            // The same question has the same answer, and what was valid stays so where rules see no change.
            let causes = probe.validate(&once, None);
            prop_assert_eq!(&causes, &probe.validate(&once, None));
            probe.prune(&mut other);
            probe.default(&mut other);
            if causes.is_empty() {
                prop_assert_eq!(probe.validate(&once, Some(&once)), Vec::new());
            }
            prop_assert_eq!(probe.validate(&once, Some(&other)), probe.validate(&once, Some(&other)));
            Ok(())
        })?;
    }
}

#[test]
fn definitions_that_are_not_understood_are_refused() {
    let crd = |schema: Value| json!({"metadata": {"name": "a"}, "spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": schema}}]}});
    let fault = |schema: Value| Schema::of(&crd(schema), "v1").err().unwrap().to_string();
    let of = |field: Value| fault(json!({"type": "object", "properties": {"f": {"items": field}}}));
    assert!(
        of(json!({"type": "string", "format": "email"}))
            .contains("at \"f[]\" the format email, which is not")
    );
    assert!(
        of(json!({"type": "object", "x-kubernetes-embedded-resource": true}))
            .contains("embedded-resource: true")
    );
    assert!(of(json!({"$ref": "a"})).contains("the keyword $ref"));
    assert!(of(json!({"pattern": "("})).contains("the pattern ( ("));
    assert!(of(json!({"allOf": [{"x-kubernetes-validations": [{"rule": "true"}]}]})).contains("below allOf"));
    let seen = json!({"type": "string", "format": "byte", "x-kubernetes-validations": [{"rule": "self != oldSelf"}]});
    assert!(of(seen).contains("the format byte in a rule"));
    assert!(Schema::of(&crd(json!({})), "v2").err().unwrap().to_string().contains("has no version v2"));
    let bare = json!({"metadata": {"name": "a"}, "spec": {"versions": [{"name": "v1"}]}});
    assert!(Schema::of(&bare, "v1").err().unwrap().to_string().contains("has no schema"));
}

#[test]
fn schemas_can_be_shared() {
    fn shared<T: Send + Sync>() {}
    shared::<Schema>();
}
