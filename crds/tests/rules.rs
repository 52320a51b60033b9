//! Every rule that the API server enforces stands at its place, and there are no others.

mod common;

use std::collections::BTreeMap;

use common::{at, definition, definitions, schema, walk};
use serde_json::{Map, Value, json};

/// The keywords that refuse a value of the right type.
const RULES: [&str; 12] = [
    "enum",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "pattern",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-validations",
];

const POD_SPECS: [(&str, &str); 6] = [
    ("daskclusters", "spec.worker.spec"),
    ("daskclusters", "spec.scheduler.spec"),
    ("daskworkergroups", "spec.worker.spec"),
    ("daskjobs", "spec.job.spec"),
    ("daskjobs", "spec.cluster.spec.worker.spec"),
    ("daskjobs", "spec.cluster.spec.scheduler.spec"),
];

const CLUSTER_SPECS: [(&str, &str); 2] = [("daskclusters", "spec"), ("daskjobs", "spec.cluster.spec")];

type Rules = BTreeMap<String, Value>;

/// The rules of everything that a user writes, by kind and path.
fn found() -> Rules {
    let mut found = Rules::new();
    for (file, definition) in definitions() {
        let kind = file.trim_end_matches(".yaml");
        walk(schema(definition), "", &mut |path, node| {
            let rules: Map<String, Value> = RULES
                .iter()
                .filter_map(|key| node.get(*key).map(|rule| ((*key).to_owned(), rule.clone())))
                .collect();
            if !path.starts_with("status") && !rules.is_empty() {
                found.insert(format!("{kind}: {path}"), rules.into());
            }
        });
    }
    found
}

fn wanted() -> Rules {
    let mut wanted = Rules::new();
    for (kind, root) in POD_SPECS {
        wanted.extend(pod().into_iter().map(|(path, rule)| (format!("{kind}: {root}.{path}"), rule)));
        let metadata = root.trim_end_matches("spec");
        let label = json!({"maxLength": 63, "pattern": "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"});
        wanted.insert(format!("{kind}: {metadata}metadata.labels.{{}}"), label);
        for keys in ["labels", "annotations"] {
            wanted.insert(format!("{kind}: {metadata}metadata.{keys}"), json!({"maxProperties": 256}));
        }
    }
    for (kind, root) in CLUSTER_SPECS {
        wanted.extend(cluster().into_iter().map(|(path, rule)| (format!("{kind}: {root}.{path}"), rule)));
    }
    wanted.extend(others().into_iter().map(|(path, rule)| (path.to_owned(), rule)));
    wanted
}

fn pod() -> Rules {
    let by_name = json!({"x-kubernetes-list-map-keys": ["name"], "x-kubernetes-list-type": "map"});
    let mut inits = by_name;
    inits["maxItems"] = json!(32);
    let mut containers = inits.clone();
    containers["minItems"] = json!(1);
    let mut rules = Rules::from([
        ("containers".to_owned(), containers),
        ("initContainers".to_owned(), inits),
        (
            "tolerations.[].effect".to_owned(),
            json!({"enum": ["NoSchedule", "PreferNoSchedule", "NoExecute", ""]}),
        ),
        (
            "serviceAccountName".to_owned(),
            json!({"maxLength": 253, "pattern": "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$"}),
        ),
    ]);
    let quantity = json!({
        "minimum": 0,
        "pattern": r"^\s*\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?\s*$",
    });
    for part in ["containers.[].", "initContainers.[].", ""] {
        for amounts in ["limits", "requests"] {
            rules.insert(format!("{part}resources.{amounts}.{{}}"), quantity.clone());
        }
        if !part.is_empty() {
            rules.extend(bounds_of_a_container(part));
            rules.insert(format!("{part}image"), json!({"minLength": 1, "pattern": r"^\S*$"}));
        }
    }
    for (list, most) in
        [("volumes", 500), ("tolerations", 200), ("hostAliases", 500), ("imagePullSecrets", 100)]
    {
        rules.insert(list.to_owned(), json!({"maxItems": most}));
    }
    rules
}

fn bounds_of_a_container(part: &str) -> impl Iterator<Item = (String, Value)> + '_ {
    let lists = [
        ("env", 2_000),
        ("envFrom", 200),
        ("command", 2_000),
        ("args", 2_000),
        ("ports", 200),
        ("volumeMounts", 500),
    ];
    let lists =
        lists.into_iter().map(move |(list, most)| (format!("{part}{list}"), json!({"maxItems": most})));
    let texts = ["env.[].value", "command.[]", "args.[]"];
    lists.chain(texts.into_iter().map(move |text| (format!("{part}{text}"), json!({"maxLength": 131_072}))))
}

fn cluster() -> Rules {
    let types = json!({"enum": ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName", ""]});
    let ports = json!({
        "maxItems": 100,
        "x-kubernetes-list-map-keys": ["port", "protocol"],
        "x-kubernetes-list-type": "map",
    });
    let no_deadline = json!({
        "rule": "false",
        "message": "a scheduler must not have a deadline, its end loses all results of its workers: \
                    remove the field; spec.idleTimeout ends a cluster without work",
    });
    [
        ("idleTimeout", json!({"minimum": 0, "maximum": 2_147_483_647})),
        ("worker.replicas", json!({"minimum": 0, "maximum": 100_000})),
        ("worker.drainTimeout", json!({"minimum": 0})),
        ("worker.agent.mode", json!({"enum": ["Disabled", "Drain", "Full"]})),
        ("scheduler.service.type", types),
        ("scheduler.service.ports", ports),
        ("scheduler.spec.activeDeadlineSeconds", json!({"x-kubernetes-validations": [no_deadline]})),
    ]
    .map(|(path, rule)| (path.to_owned(), rule))
    .into()
}

fn others() -> [(&'static str, Value); 17] {
    let ends = "'\"' + self + '\" ' + \"must be Never or OnFailure, with Always the program would start again each \
                time it ends: choose OnFailure to start it again when it fails, else Never\"";
    let ends = json!({"rule": "self in ['Never', 'OnFailure']", "messageExpression": ends});
    let bounds = json!({
        "rule": "!has(self.maximum) || !has(self.minimum) || self.minimum <= self.maximum",
        "message": "spec.minimum must not exceed spec.maximum: lower minimum or raise maximum",
        "fieldPath": ".minimum",
    });
    let same = |kind: &str| {
        let message = format!(
            "spec.cluster cannot be changed: create a new {kind} for the other cluster, then delete this one"
        );
        json!({"rule": "self == oldSelf", "message": message})
    };
    let named = |rules: &[Value]| json!({"maxLength": 253, "x-kubernetes-validations": rules});
    [
        ("daskjobs: ", json!({"x-kubernetes-validations": [made_once()]})),
        ("daskjobs: spec.job.spec.restartPolicy", json!({"x-kubernetes-validations": [ends]})),
        ("daskjobs: spec.job.startTimeout", json!({"minimum": 0})),
        ("daskworkergroups: spec.cluster", named(&[name_of("DaskCluster"), same("DaskWorkerGroup")])),
        ("daskworkergroups: spec.worker.replicas", json!({"minimum": 0, "maximum": 100_000})),
        ("daskworkergroups: spec.worker.drainTimeout", json!({"minimum": 0})),
        ("daskworkergroups: spec.worker.agent.mode", json!({"enum": ["Disabled", "Drain", "Full"]})),
        ("daskautoscalers: spec", json!({"x-kubernetes-validations": [bounds]})),
        ("daskautoscalers: spec.cluster", named(&[name_of("DaskCluster"), same("DaskAutoscaler")])),
        ("daskautoscalers: spec.workerGroup", named(&[name_of("DaskWorkerGroup")])),
        ("daskautoscalers: spec.minimum", json!({"minimum": 0})),
        ("daskautoscalers: spec.maximum", json!({"minimum": 0})),
        ("daskautoscalers: spec.demandProbe", json!({"enum": ["Auto", "Off"]})),
        ("daskautoscalers: spec.targetDuration", json!({"minimum": 1, "maximum": 86_400})),
        (
            "daskautoscalers: spec.behavior.scaleDown.stabilizationWindowSeconds",
            json!({"minimum": 0, "maximum": 3_600}),
        ),
        ("daskautoscalers: spec.priority", json!({"minimum": 0, "maximum": 1_000})),
        ("daskautoscalers: spec.mode", json!({"enum": ["Active", "DryRun", "Paused"]})),
    ]
}

/// A job that was made stays as it was made.
fn made_once() -> Value {
    json!({
        "rule": "!(has(oldSelf.status) && has(oldSelf.status.jobStatus) && oldSelf.status.jobStatus in \
                 ['ClusterCreated', 'Running', 'Successful', 'Failed']) || (self.spec.job.spec == \
                 oldSelf.spec.job.spec && has(self.spec.job.metadata) == has(oldSelf.spec.job.metadata) && \
                 (!has(self.spec.job.metadata) || self.spec.job.metadata == oldSelf.spec.job.metadata) && \
                 self.spec.cluster == oldSelf.spec.cluster)",
        "message": "the program's pod and the cluster of a DaskJob cannot be changed once they were made: delete \
                    the DaskJob and create it anew, or change its DaskCluster; spec.job.startTimeout can be changed",
        "fieldPath": ".spec",
    })
}

fn name_of(kind: &str) -> Value {
    let message = format!(
        "'\"' + self + '\" ' + \"must be the name of a {kind} in the same namespace (lower-case letters, digits, \
         '-' and '.', no '/'): give the name alone, and create this object in the namespace of the {kind}\""
    );
    json!({"rule": "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')", "messageExpression": message})
}

#[test]
fn every_rule_stands_at_its_place() {
    let (found, wanted) = (found(), wanted());
    for (path, rule) in &wanted {
        assert_eq!(found.get(path), Some(rule), "{path}");
    }
    let more: Vec<&String> = found.keys().filter(|path| !wanted.contains_key(*path)).collect();
    assert!(more.is_empty(), "rules that no test knows: {more:?}");
}

#[test]
fn containers_have_a_name_and_an_image() {
    for (kind, root) in POD_SPECS {
        let pod = at(schema(definition(kind)), root);
        assert_eq!(pod["required"], json!(["containers"]), "{kind}: {root}");
        for list in ["containers.[]", "initContainers.[]"] {
            assert_eq!(at(pod, list)["required"], json!(["image", "name"]), "{kind}: {root}.{list}");
        }
    }
}

#[test]
fn rules_say_what_to_do() {
    for (path, rules) in found() {
        for rule in rules["x-kubernetes-validations"].as_array().into_iter().flatten() {
            let message = rule.get("message").or_else(|| rule.get("messageExpression"));
            let message = message.and_then(Value::as_str).unwrap_or_default();
            assert!(message.contains(": "), "{path}: advice after a colon: {message:?}");
        }
    }
}
