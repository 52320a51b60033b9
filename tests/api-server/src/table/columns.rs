//! The columns of the built-in kinds.

use serde_json::{Value, json};

use crate::kinds::Builtin;

/// Name, type, priority (1: only in wide tables) and what it tells.
pub(super) type Column = (&'static str, &'static str, u8, &'static str);

const NAMED: Column = ("Name", "string", 0, "Name must be unique within a namespace.");
/// What every age tells.
pub(super) const CREATED: &str =
    "CreationTimestamp is a timestamp representing the server time when this object was created.";
const AGE: Column = ("Age", "string", 0, CREATED);
const CONTAINERS: Column = ("Containers", "string", 1, "Names of each container in the template.");
const IMAGES: Column = ("Images", "string", 1, "Images referenced by each container in the template.");
const SELECTOR: Column = ("Selector", "string", 1, "Label selector for pods.");

/// The first column of custom resources.
pub(super) const NAME: &[Column] = &[NAMED];

pub(super) const SCALE: &[Column] = &[
    NAMED,
    ("Desired", "integer", 0, "Number of desired replicas."),
    ("Available", "integer", 0, "Number of observed replicas."),
    AGE,
];

const POD: &[Column] = &[
    NAMED,
    ("Ready", "string", 0, "The aggregate readiness state of this pod for accepting traffic."),
    ("Status", "string", 0, "The aggregate status of the containers in this pod."),
    (
        "Restarts",
        "string",
        0,
        "The number of times the containers in this pod have been restarted and when the last container in this \
         pod has restarted.",
    ),
    AGE,
    ("IP", "string", 1, "The IP address of the pod."),
    ("Node", "string", 1, "The node that the pod is on."),
    ("Nominated Node", "string", 1, "The node that the pod gets when others have left it."),
    ("Readiness Gates", "string", 1, "Conditions beside the containers that count for its readiness."),
];

const SERVICE: &[Column] = &[
    NAMED,
    ("Type", "string", 0, "How the service is exposed."),
    ("Cluster-IP", "string", 0, "The IP address of the service in the cluster."),
    ("External-IP", "string", 0, "IP addresses of the service from outside."),
    ("Port(s)", "string", 0, "The ports that are exposed by this service."),
    AGE,
    ("Selector", "string", 1, "Label selector of the pods that get its traffic."),
];

const DEPLOYMENT: &[Column] = &[
    NAMED,
    ("Ready", "string", 0, "Number of the pod with ready state"),
    ("Up-to-date", "string", 0, "Pods that have the desired template."),
    ("Available", "string", 0, "Pods that are ready long enough."),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const REPLICA_SET: &[Column] = &[
    NAMED,
    ("Desired", "integer", 0, "Number of desired pods."),
    ("Current", "integer", 0, "Number of pods that there are."),
    ("Ready", "integer", 0, "Number of pods that are ready."),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const EVENT: &[Column] = &[
    ("Last Seen", "string", 0, "When it was last seen."),
    ("Type", "string", 0, "Type of this event (Normal, Warning)."),
    ("Reason", "string", 0, "Why, in one word for programs."),
    ("Object", "string", 0, "The object that this event is about."),
    ("Subobject", "string", 1, "The part of the object that this event is about."),
    ("Source", "string", 1, "The component reporting this event."),
    ("Message", "string", 0, "What happened, in words."),
    ("First Seen", "string", 1, "When it was first seen."),
    ("Count", "string", 1, "The number of times this event has occurred."),
    ("Name", "string", 1, NAMED.3),
];

const NAMESPACE: &[Column] = &[NAMED, ("Status", "string", 0, "The status of the namespace"), AGE];

const NODE: &[Column] = &[
    NAMED,
    ("Status", "string", 0, "The status of the node"),
    ("Roles", "string", 0, "The roles of the node"),
    AGE,
    ("Version", "string", 0, "Kubelet Version reported by the node."),
    ("Internal-IP", "string", 1, "Addresses of the node in the cluster."),
    ("External-IP", "string", 1, "Addresses of the node from outside."),
    ("OS-Image", "string", 1, "OS Image reported by the node."),
    ("Kernel-Version", "string", 1, "Kernel Version reported by the node."),
    ("Container-Runtime", "string", 1, "ContainerRuntime Version reported by the node."),
];

const CONFIG_MAP: &[Column] = &[NAMED, ("Data", "string", 0, "How many keys it has."), AGE];

const SECRET: &[Column] = &[
    NAMED,
    ("Type", "string", 0, "What the data is for."),
    ("Data", "string", 0, "How many keys it has."),
    AGE,
];

const SERVICE_ACCOUNT: &[Column] =
    &[NAMED, ("Secrets", "string", 0, "How many secrets pods of this account may use."), AGE];

const RESOURCE_QUOTA: &[Column] = &[
    NAMED,
    ("Request", "string", 0, "Requests that are used, and those that may be."),
    ("Limit", "string", 0, "Limits that are used, and those that may be."),
    AGE,
];

const LEASE: &[Column] = &[NAMED, ("Holder", "string", 0, "The holder of the current lease."), AGE];

const DEFINITION: &[Column] = &[NAMED, ("Created At", "date", 0, CREATED)];

/// The columns of a kind.
pub(super) fn of(builtin: Builtin) -> &'static [Column] {
    match builtin {
        Builtin::Namespace => NAMESPACE,
        Builtin::Pod => POD,
        Builtin::Service => SERVICE,
        Builtin::Event => EVENT,
        Builtin::ConfigMap => CONFIG_MAP,
        Builtin::Secret => SECRET,
        Builtin::ServiceAccount => SERVICE_ACCOUNT,
        Builtin::Node => NODE,
        Builtin::ResourceQuota => RESOURCE_QUOTA,
        Builtin::Lease => LEASE,
        Builtin::Deployment => DEPLOYMENT,
        Builtin::ReplicaSet => REPLICA_SET,
        Builtin::Definition => DEFINITION,
    }
}

/// Columns as a table tells them.
pub(super) fn told(columns: &[Column]) -> Value {
    let told = columns.iter().map(|(name, kind, priority, description)| {
        let format = if *name == "Name" { "name" } else { "" };
        json!({
            "name": name, "type": kind, "format": format, "description": description, "priority": priority,
        })
    });
    told.collect()
}
