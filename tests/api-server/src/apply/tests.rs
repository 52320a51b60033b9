//! Server-side apply and other writes, against the answers of a real kube-apiserver 1.34.4.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::schema::{Schema, tests::schemas};

/// Writes one after the other: what was applied, and the object or the error that was the answer. Times tell the write
/// that set them.
const REAL: &str = include_str!("tests/real.json");

fn text<'a>(step: &'a Value, key: &str) -> &'a str {
    step[key].as_str().unwrap_or_default()
}

/// What an endpoint does not write.
fn resets(kind: &str, subresource: &str) -> &'static [&'static str] {
    match (kind, subresource) {
        (_, "status") => &["spec"],
        ("ConfigMap" | "Secret" | "Lease" | "Event" | "ServiceAccount", _) => &[],
        _ => &["status"],
    }
}

/// What other code adds to objects of Kubernetes' own kinds is not compared.
fn comparable(kind: &str, object: &Value) -> Value {
    let own = ["DaskCluster", "DaskAutoscaler", "Probe"].contains(&kind);
    if own { object.clone() } else { json!({"managedFields": object["metadata"]["managedFields"]}) }
}

/// Takes out of a new object what the API server adds after it has written down who made it.
fn as_sent(object: &mut Value) {
    let token = |element: &Value| text(element, "name").starts_with("kube-api-access");
    for list in ["/spec/volumes", "/spec/containers/0/volumeMounts"] {
        if let Some(list) = object.pointer_mut(list).and_then(Value::as_array_mut) {
            list.retain(|element| !token(element));
        }
    }
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        const LATER: [&str; 8] = [
            "clusterIP",
            "clusterIPs",
            "ipFamilies",
            "ipFamilyPolicy",
            "preemptionPolicy",
            "priority",
            "serviceAccount",
            "serviceAccountName",
        ];
        spec.retain(|name, _| !LATER.contains(&name.as_str()));
    }
}

fn answer(schemas: &BTreeMap<String, Schema>, live: Option<&Value>, step: &Value) -> Value {
    let kind = text(step, "kind");
    let own = OwnKind::named(kind);
    let schema = schemas.get(kind);
    let lists: &dyn Lists = schema.map_or(&own, |schema| schema);
    let (manager, subresource, time) = (text(step, "manager"), text(step, "subresource"), text(step, "time"));
    let (api_version, resets) = (text(step, "apiVersion"), resets(kind, subresource));
    if step["verb"] != "apply" {
        let mut after = step["result"].clone();
        if step["verb"] == "create" {
            as_sent(&mut after);
        }
        let said = step["note"] == "forget the managers";
        managers::take(&mut after);
        if said {
            after["metadata"]["managedFields"] = json!([{}]);
        }
        track(live, &mut after, &Update { manager, subresource, time, api_version, resets, lists });
        return comparable(kind, &after);
    }
    let force = step["force"] == true;
    let request = Apply { manager, force, subresource, time, api_version, resets, lists };
    match apply(live, &step["config"], &request) {
        Ok(mut object) => {
            if let Some(schema) = schema {
                if live.is_none() {
                    object["metadata"]["uid"] = json!("u");
                }
                schema.prune(&mut object);
                schema.default(&mut object);
            }
            comparable(kind, &object)
        }
        Err(error) => {
            let code = match &error {
                ApplyError::Conflicts(_) => 409,
                ApplyError::BadRequest(_) => 400,
                ApplyError::Untyped { .. } => 500,
                ApplyError::Unsupported { .. } => 501,
            };
            json!({"code": code, "message": error.to_string()})
        }
    }
}

/// The API server tells several faults in no order.
fn in_order(answer: &Value) -> Value {
    let mut answer = answer.clone();
    if let Some(message) = answer["message"].as_str().filter(|message| message.contains("errors:")) {
        let mut lines: Vec<&str> = message.lines().collect();
        lines.sort_unstable();
        answer = lines.into();
    }
    answer
}

#[test]
fn answers_are_those_of_a_real_api_server() {
    let schemas = schemas();
    let steps: Vec<Value> = serde_json::from_str(REAL).unwrap();
    let mut wrong = Vec::new();
    let mut objects = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        // What validation refuses afterwards is the schema's part.
        if step["error"]["code"] == 422 {
            continue;
        }
        let object = (text(step, "kind"), text(step, "name"));
        let answer = answer(&schemas, objects.get(&object).copied(), step);
        if let Some(result) = step.get("result") {
            objects.insert(object, result);
        }
        let real = match step.get("error") {
            Some(error) => json!({"code": error["code"], "message": error["message"]}),
            None => comparable(text(step, "kind"), &step["result"]),
        };
        if in_order(&answer) != in_order(&real) {
            let (verb, manager, note) = (&step["verb"], &step["manager"], &step["note"]);
            wrong.push(format!(
                "{} {verb} {manager} {note} {}\n  ours {answer}\n  real {real}",
                index + 1,
                step["kind"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), steps.len(), wrong.join("\n"));
}

#[test]
fn other_versions_are_refused() {
    let kind = OwnKind::named("Deployment");
    let object =
        |version: &str| json!({"apiVersion": version, "kind": "Deployment", "metadata": {"name": "d"}});
    let mut live = object("apps/v1beta1");
    live["spec"] = json!({"replicas": 1});
    let (resets, lists): (&[&str], &dyn Lists) = (&["status"], &kind);
    let update =
        Update { manager: "x", subresource: "", time: "1", api_version: "apps/v1beta1", resets, lists };
    track(None, &mut live, &update);
    let request = Apply {
        manager: "m",
        force: true,
        subresource: "",
        time: "2",
        api_version: "apps/v1",
        resets,
        lists,
    };
    let error = apply(Some(&live), &object("apps/v1"), &request).unwrap_err().to_string();
    assert!(error.contains("of x are of version apps/v1beta1"), "{error}");
}

/// A valid spec of the probe, with lists of all kinds.
fn specs() -> impl Strategy<Value = Value> {
    let name = || proptest::sample::select(vec!["a", "b", "c", "d"]);
    let set = proptest::collection::btree_set(name(), 0..4);
    let keyed = proptest::collection::btree_map(name(), proptest::option::of(0..9_i64), 0..4);
    let labels = proptest::collection::btree_map(name(), name(), 0..3);
    let kept =
        proptest::collection::btree_map(name(), prop_oneof![Just(json!(1)), Just(json!({"x": [1]}))], 0..3);
    let low = proptest::option::of(0..9_i64);
    (set, keyed, labels, kept, low, any::<bool>()).prop_map(|(set, keyed, labels, kept, low, turned)| {
        let size = |(name, size): (&str, Option<i64>)| match size {
            Some(size) => json!({"name": name, "size": size}),
            None => json!({"name": name}),
        };
        let mut keyed: Vec<Value> = keyed.into_iter().map(size).collect();
        if turned {
            keyed.reverse();
        }
        let atomic: Vec<Value> = keyed.iter().map(|element| json!({"name": element["name"]})).collect();
        let all =
            json!({"set": set, "keyed": keyed, "labels": labels, "kept": kept, "low": low, "atomic": atomic});
        let is_full = |value: &Value| match value {
            Value::Array(list) => !list.is_empty(),
            Value::Object(map) => !map.is_empty(),
            value => !value.is_null(),
        };
        let fields = all.as_object().cloned().unwrap_or_default();
        fields.into_iter().filter(|(_, value)| is_full(value)).collect()
    })
}

fn config(spec: &Value) -> Value {
    let meta = json!({"name": "a", "namespace": "default"});
    match spec.as_object().is_some_and(|spec| spec.is_empty()) {
        true => json!({"apiVersion": "example.org/v1", "kind": "Probe", "metadata": meta}),
        false => json!({"apiVersion": "example.org/v1", "kind": "Probe", "metadata": meta, "spec": spec}),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn applying_is_settled_and_can_be_undone(one in specs(), other in specs()) {
        thread_local!(static PROBE: Schema = schemas().remove("Probe").unwrap());
        PROBE.with(|lists| {
            let resets: &[&str] = &["status"];
            let request = |manager, time| {
                Apply { manager, force: true, subresource: "", time, api_version: "example.org/v1", resets, lists }
            };
            let by = |live: Option<&Value>, spec: &Value, manager, time| {
                apply(live, &config(spec), &request(manager, time)).unwrap()
            };
            let first = by(None, &one, "m1", "1");
            prop_assert_eq!(&by(Some(&first), &one, "m1", "2"), &first);
            let second = by(Some(&first), &other, "m2", "2");
            prop_assert_eq!(&by(Some(&second), &other, "m2", "3"), &second);
            for (name, value) in other.as_object().unwrap() {
                // What was applied is there; lists that merge have more.
                if ["low", "atomic"].contains(&name.as_str()) {
                    prop_assert_eq!(&second["spec"][name], value);
                }
            }
            let none = json!({});
            let undone = by(Some(&by(Some(&second), &none, "m2", "4")), &none, "m1", "5");
            prop_assert_eq!(&undone["metadata"]["managedFields"], &Value::Null);
            prop_assert!(undone.get("spec").is_none_or(Value::is_null), "{}", undone);
            Ok(())
        })?;
    }

    #[test]
    fn every_field_has_a_manager(one in specs(), other in specs()) {
        thread_local!(static PROBE: Schema = schemas().remove("Probe").unwrap());
        PROBE.with(|lists| {
            let update = |manager, time| {
                let resets: &[&str] = &["status"];
                Update { manager, subresource: "", time, api_version: "example.org/v1", resets, lists }
            };
            let mut first = config(&one);
            track(None, &mut first, &update("x", "1"));
            let mut second = config(&other);
            second["metadata"]["managedFields"] = first["metadata"]["managedFields"].clone();
            track(Some(&first), &mut second, &update("y", "2"));
            let mut missing = collect::fields_of(lists.root(), &config(&other));
            strip(&mut missing);
            // Where managers were not told apart before, they are not now.
            if first["metadata"].get("managedFields").is_some() {
                managers::read(&second).iter().for_each(|manager| fields::subtract(&mut missing, &manager.fields));
                prop_assert_eq!(fields::paths(&missing), Vec::<String>::new());
            } else {
                prop_assert_eq!(second["metadata"].get("managedFields"), None);
            }
            // The same write once more changes nothing.
            let mut again = second.clone();
            track(Some(&second), &mut again, &update("y", "3"));
            prop_assert_eq!(&again, &second);
            Ok(())
        })?;
    }
}
