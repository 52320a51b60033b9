//! The rules that the API server enforces: each says at the field itself what is allowed there.
//!
//! A rule stands as deep as it can: an object that was stored before the rule existed can then still be changed
//! elsewhere (the API server forgives what an update leaves as it is), and the message names the field.

use schemars::Schema;
use serde_json::{Value, json};

/// Lists of containers in a pod.
const CONTAINERS: [&str; 2] = ["containers", "initContainers"];
/// Where a pod states what it needs.
const RESOURCES: [&str; 3] = ["containers.[].resources", "initContainers.[].resources", "resources"];

/// A Kubernetes quantity that is not negative; Kubernetes forgives spaces around it. A number in its place must not be
/// negative either.
const QUANTITY: &str = r"^\s*\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?\s*$";
const LABEL_VALUE: &str = "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$";
const OBJECT_NAME: &str = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$";
const OBJECT_NAME_OR_NONE: &str = "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$";
/// Bounds what the API server thinks a rule costs, too.
const OBJECT_NAME_LENGTH: u32 = 253;

/// Longest text that Linux passes to a program, as an argument or in a variable.
const EXEC_TEXT: u32 = 131_072;
/// Longest lists below each container of a pod: more than real manifests have, and few enough for the operator's memory.
const LISTS_OF_CONTAINERS: [(&str, u32); 6] = [
    ("env", 2_000),
    ("envFrom", 200),
    ("command", 2_000),
    ("args", 2_000),
    ("ports", 200),
    ("volumeMounts", 500),
];
/// Longest lists of a pod.
const LISTS_OF_PODS: [(&str, u32); 6] = [
    ("containers", 32),
    ("initContainers", 32),
    ("volumes", 500),
    ("tolerations", 200),
    ("hostAliases", 500),
    ("imagePullSecrets", 100),
];
/// Most labels, and most annotations, of a template.
const MOST_KEYS: u32 = 256;
/// Most ports of the scheduler's Service.
const MOST_PORTS: u32 = 100;

/// What every pod template keeps.
pub(super) fn pod(pod: &mut Schema) {
    merge(pod, "containers", json!({"minItems": 1}));
    for (list, most) in LISTS_OF_PODS {
        merge(pod, list, json!({"maxItems": most}));
    }
    for list in CONTAINERS {
        for (inner, most) in LISTS_OF_CONTAINERS {
            merge(pod, &format!("{list}.[].{inner}"), json!({"maxItems": most}));
        }
        for text in ["env.[].value", "command.[]", "args.[]"] {
            merge(pod, &format!("{list}.[].{text}"), json!({"maxLength": EXEC_TEXT}));
        }
        let by_name = json!({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]});
        merge(pod, list, by_name);
        merge(pod, &format!("{list}.[]"), json!({"required": ["image", "name"]}));
        merge(pod, &format!("{list}.[].image"), json!({"minLength": 1, "pattern": r"^\S*$"}));
    }
    for resources in RESOURCES {
        for amounts in ["limits", "requests"] {
            let quantity = json!({"minimum": 0, "pattern": QUANTITY});
            merge(pod, &format!("{resources}.{amounts}.{{}}"), quantity);
        }
    }
    // Empty means the same as none, for clients that write every field.
    merge(pod, "tolerations.[].effect", json!({"enum": ["NoSchedule", "PreferNoSchedule", "NoExecute", ""]}));
    merge(
        pod,
        "serviceAccountName",
        json!({"maxLength": OBJECT_NAME_LENGTH, "pattern": OBJECT_NAME_OR_NONE}),
    );
}

/// What the Service of a scheduler keeps.
pub(super) fn service(service: &mut Schema) {
    merge(service, "type", json!({"enum": ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName", ""]}));
    let by_number =
        json!({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"]});
    merge(service, "ports", by_number);
    merge(service, "ports", json!({"maxItems": MOST_PORTS}));
}

/// A scheduler has no end of its own.
pub(crate) fn no_deadline(pod: &mut Schema) {
    let message = "a scheduler must not have a deadline, its end loses all results of its workers: \
                   remove the field; spec.idleTimeout ends a cluster without work";
    merge(pod, "activeDeadlineSeconds", rules(&[json!({"rule": "false", "message": message})]));
}

/// A job's program ends.
pub(crate) fn ends(pod: &mut Schema) {
    let message = "must be Never or OnFailure, with Always the program would start again each time it ends: \
                   choose OnFailure to start it again when it fails, else Never";
    merge(pod, "restartPolicy", rules(&[said_of_value("self in ['Never', 'OnFailure']", message)]));
}

/// Not more annotations than a person can read.
pub(crate) fn few_keys(annotations: &mut Schema) {
    merge(annotations, "", json!({"maxProperties": MOST_KEYS}));
}

/// The value of each label.
pub(crate) fn label_values(labels: &mut Schema) {
    few_keys(labels);
    merge(labels, "{}", json!({"maxLength": 63, "pattern": LABEL_VALUE}));
}

/// The cluster that a worker group belongs to: its pods carry the name, so it stays.
pub(crate) fn lasting_cluster_name(name: &mut Schema) {
    let same = same("DaskWorkerGroup");
    bounded_name(name, rules(&[object_name("DaskCluster"), same]));
}

/// The cluster of an autoscaler: what it has learnt is about that one, so it stays.
pub(crate) fn scaled_cluster_name(name: &mut Schema) {
    bounded_name(name, rules(&[object_name("DaskCluster"), same("DaskAutoscaler")]));
}

fn same(kind: &str) -> Value {
    let message = format!(
        "spec.cluster cannot be changed: create a new {kind} for the other cluster, then delete this one"
    );
    json!({"rule": "self == oldSelf", "message": message})
}

/// What a job was made of stays once its cluster and its runner are there; only `startTimeout` is looked at after that.
pub(crate) fn made_once(job: &mut Schema) {
    const WAS_MADE: &str = "has(oldSelf.status) && has(oldSelf.status.jobStatus) && oldSelf.status.jobStatus in \
                            ['ClusterCreated', 'Running', 'Successful', 'Failed']";
    let message = "the program's pod and the cluster of a DaskJob cannot be changed once they were made: delete the \
                   DaskJob and create it anew, or change its DaskCluster; spec.job.startTimeout can be changed";
    let optional = |path: &str, key: &str| {
        let (new, old) = (format!("self.{path}"), format!("oldSelf.{path}"));
        format!("has({new}.{key}) == has({old}.{key}) && (!has({new}.{key}) || {new}.{key} == {old}.{key})")
    };
    let same = format!(
        "self.spec.job.spec == oldSelf.spec.job.spec && {} && self.spec.cluster == oldSelf.spec.cluster",
        optional("spec.job", "metadata")
    );
    let rule = format!("!({WAS_MADE}) || ({same})");
    merge(job, "", rules(&[json!({"rule": rule, "message": message, "fieldPath": ".spec"})]));
}

/// The worker group that an object works for.
pub(crate) fn group_name(name: &mut Schema) {
    bounded_name(name, rules(&[object_name("DaskWorkerGroup")]));
}

fn bounded_name(name: &mut Schema, rules: Value) {
    merge(name, "", rules);
    merge(name, "", json!({"maxLength": OBJECT_NAME_LENGTH}));
}

fn object_name(kind: &str) -> Value {
    let message = format!(
        "must be the name of a {kind} in the same namespace (lower-case letters, digits, '-' and '.', no '/'): \
         give the name alone, and create this object in the namespace of the {kind}"
    );
    said_of_value(&format!("self.matches('{OBJECT_NAME}')"), &message)
}

/// The two bounds of an autoscaler.
pub(crate) fn minimum_up_to_maximum(spec: &mut Schema) {
    let bounds = "!has(self.maximum) || !has(self.minimum) || self.minimum <= self.maximum";
    // No messageExpression with the numbers: the API server's cost estimate for string(int) is too high.
    let message = "spec.minimum must not exceed spec.maximum: lower minimum or raise maximum";
    merge(spec, "", rules(&[json!({"rule": bounds, "message": message, "fieldPath": ".minimum"})]));
}

/// A rule for a string. The API server leaves the value out of the message of a rule, so the message has it.
fn said_of_value(rule: &str, message: &str) -> Value {
    json!({"rule": rule, "messageExpression": format!("'\"' + self + '\" ' + \"{message}\"")})
}

fn rules(rules: &[Value]) -> Value {
    json!({"x-kubernetes-validations": rules})
}

/// Adds keywords to the node at a dotted path of property names; `[]` are list items, `{}` map values.
fn merge(schema: &mut Schema, path: &str, keywords: Value) {
    let mut node = schema.as_object_mut();
    for step in path.split('.').filter(|step| !step.is_empty()) {
        node = node.and_then(|node| match step {
            "[]" => node.get_mut("items")?.as_object_mut(),
            "{}" => node.get_mut("additionalProperties")?.as_object_mut(),
            name => node.get_mut("properties")?.get_mut(name)?.as_object_mut(),
        });
    }
    // The tests look for every rule, so a path that is none does not go unseen.
    if let (Some(node), Value::Object(keywords)) = (node, keywords) {
        node.extend(keywords);
    }
}
