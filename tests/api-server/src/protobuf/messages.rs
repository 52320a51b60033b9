//! The numbers and forms of the fields of messages that kubectl sends.

/// What a field holds.
pub(super) enum Form {
    Text,
    /// A text of a list, which stays where it is empty.
    Item,
    Bytes,
    /// A number that JSON leaves out where it is 0.
    Number,
    /// A number that may be 0.
    Pointer,
    /// Left out where it is false.
    Flag,
    /// May be false.
    FlagPointer,
    Time,
    Quantity,
    IntOrString,
    Of(&'static str),
    Each(&'static Form),
    Map(&'static Form),
}

use Form::{
    Bytes, Each, Flag, FlagPointer, IntOrString, Item, Map, Number, Of, Pointer, Quantity, Text, Time,
};

type Message = &'static [(u32, &'static str, Form)];

const META: (u32, &str, Form) = (1, "metadata", Of("ObjectMeta"));
const TEXTS: Form = Each(&Item);
const TEXT_MAP: Form = Map(&Item);
const QUANTITIES: Form = Map(&Quantity);

/// The fields of a message.
pub(super) fn message(name: &str) -> Option<Message> {
    let tables = [META_MESSAGES, CORE, SERVICE, POD, APPS, REVIEWS];
    tables.into_iter().flatten().find(|(n, _)| *n == name).map(|(_, fields)| *fields)
}

const META_MESSAGES: &[(&str, Message)] = &[
    ("TypeMeta", &[(1, "apiVersion", Text), (2, "kind", Text)]),
    (
        "ObjectMeta",
        &[
            (1, "name", Text),
            (2, "generateName", Text),
            (3, "namespace", Text),
            (4, "selfLink", Text),
            (5, "uid", Text),
            (6, "resourceVersion", Text),
            (7, "generation", Number),
            (8, "creationTimestamp", Time),
            (9, "deletionTimestamp", Time),
            (10, "deletionGracePeriodSeconds", Pointer),
            (11, "labels", TEXT_MAP),
            (12, "annotations", TEXT_MAP),
            (13, "ownerReferences", Each(&Of("OwnerReference"))),
            (14, "finalizers", TEXTS),
        ],
    ),
    (
        "OwnerReference",
        &[
            (1, "kind", Text),
            (3, "name", Text),
            (4, "uid", Text),
            (5, "apiVersion", Text),
            (6, "controller", FlagPointer),
            (7, "blockOwnerDeletion", FlagPointer),
        ],
    ),
    ("LabelSelector", &[(1, "matchLabels", TEXT_MAP), (2, "matchExpressions", Each(&Of("Requirement")))]),
    ("Requirement", &[(1, "key", Text), (2, "operator", Text), (3, "values", TEXTS)]),
];

const CORE: &[(&str, Message)] = &[
    ("Namespace", &[META, (2, "spec", Of("NamespaceSpec")), (3, "status", Of("NamespaceStatus"))]),
    ("NamespaceSpec", &[(1, "finalizers", TEXTS)]),
    ("NamespaceStatus", &[(1, "phase", Text)]),
    (
        "ConfigMap",
        &[META, (2, "data", TEXT_MAP), (3, "binaryData", Map(&Bytes)), (4, "immutable", FlagPointer)],
    ),
    (
        "Secret",
        &[
            META,
            (2, "data", Map(&Bytes)),
            (3, "type", Text),
            (4, "stringData", TEXT_MAP),
            (5, "immutable", FlagPointer),
        ],
    ),
    (
        "ServiceAccount",
        &[
            META,
            (3, "imagePullSecrets", Each(&Of("LocalObjectReference"))),
            (4, "automountServiceAccountToken", FlagPointer),
        ],
    ),
    ("LocalObjectReference", &[(1, "name", Text)]),
    ("ResourceQuota", &[META, (2, "spec", Of("QuotaSpec")), (3, "status", Of("QuotaStatus"))]),
    ("QuotaSpec", &[(1, "hard", QUANTITIES), (2, "scopes", TEXTS)]),
    ("QuotaStatus", &[(1, "hard", QUANTITIES), (2, "used", QUANTITIES)]),
];

const SERVICE: &[(&str, Message)] = &[
    ("Service", &[META, (2, "spec", Of("ServiceSpec")), (3, "status", Of("ServiceStatus"))]),
    (
        "ServiceSpec",
        &[
            (1, "ports", Each(&Of("ServicePort"))),
            (2, "selector", TEXT_MAP),
            (3, "clusterIP", Text),
            (4, "type", Text),
            (5, "externalIPs", TEXTS),
            (7, "sessionAffinity", Text),
            (8, "loadBalancerIP", Text),
            (9, "loadBalancerSourceRanges", TEXTS),
            (10, "externalName", Text),
            (11, "externalTrafficPolicy", Text),
            (12, "healthCheckNodePort", Number),
            (13, "publishNotReadyAddresses", Flag),
            (17, "ipFamilyPolicy", Text),
            (18, "clusterIPs", TEXTS),
            (19, "ipFamilies", TEXTS),
            (20, "allocateLoadBalancerNodePorts", FlagPointer),
            (21, "loadBalancerClass", Text),
            (22, "internalTrafficPolicy", Text),
        ],
    ),
    (
        "ServicePort",
        &[
            (1, "name", Text),
            (2, "protocol", Text),
            (3, "port", Number),
            (4, "targetPort", IntOrString),
            (5, "nodePort", Number),
            (6, "appProtocol", Text),
        ],
    ),
    ("ServiceStatus", &[(1, "loadBalancer", Of("LoadBalancerStatus"))]),
    ("LoadBalancerStatus", &[]),
];

const POD: &[(&str, Message)] = &[
    ("PodTemplateSpec", &[META, (2, "spec", Of("PodSpec"))]),
    (
        "PodSpec",
        &[
            (2, "containers", Each(&Of("Container"))),
            (3, "restartPolicy", Text),
            (4, "terminationGracePeriodSeconds", Pointer),
            (5, "activeDeadlineSeconds", Pointer),
            (6, "dnsPolicy", Text),
            (7, "nodeSelector", TEXT_MAP),
            (8, "serviceAccountName", Text),
            (9, "serviceAccount", Text),
            (10, "nodeName", Text),
            (11, "hostNetwork", Flag),
            (12, "hostPID", Flag),
            (13, "hostIPC", Flag),
            (15, "imagePullSecrets", Each(&Of("LocalObjectReference"))),
            (16, "hostname", Text),
            (17, "subdomain", Text),
            (19, "schedulerName", Text),
            (20, "initContainers", Each(&Of("Container"))),
            (24, "priorityClassName", Text),
        ],
    ),
    (
        "Container",
        &[
            (1, "name", Text),
            (2, "image", Text),
            (3, "command", TEXTS),
            (4, "args", TEXTS),
            (5, "workingDir", Text),
            (6, "ports", Each(&Of("ContainerPort"))),
            (7, "env", Each(&Of("EnvVar"))),
            (8, "resources", Of("ResourceRequirements")),
            (13, "terminationMessagePath", Text),
            (14, "imagePullPolicy", Text),
            (16, "stdin", Flag),
            (17, "stdinOnce", Flag),
            (18, "tty", Flag),
            (20, "terminationMessagePolicy", Text),
            (24, "restartPolicy", Text),
        ],
    ),
    (
        "ContainerPort",
        &[
            (1, "name", Text),
            (2, "hostPort", Number),
            (3, "containerPort", Number),
            (4, "protocol", Text),
            (5, "hostIP", Text),
        ],
    ),
    ("EnvVar", &[(1, "name", Text), (2, "value", Text)]),
    ("ResourceRequirements", &[(1, "limits", QUANTITIES), (2, "requests", QUANTITIES)]),
];

const APPS: &[(&str, Message)] = &[
    ("Deployment", &[META, (2, "spec", Of("DeploymentSpec")), (3, "status", Of("DeploymentStatus"))]),
    (
        "DeploymentSpec",
        &[
            (1, "replicas", Pointer),
            (2, "selector", Of("LabelSelector")),
            (3, "template", Of("PodTemplateSpec")),
            (4, "strategy", Of("DeploymentStrategy")),
            (5, "minReadySeconds", Number),
            (6, "revisionHistoryLimit", Pointer),
            (7, "paused", Flag),
            (9, "progressDeadlineSeconds", Pointer),
        ],
    ),
    ("DeploymentStrategy", &[(1, "type", Text), (2, "rollingUpdate", Of("RollingUpdateDeployment"))]),
    ("RollingUpdateDeployment", &[(1, "maxUnavailable", IntOrString), (2, "maxSurge", IntOrString)]),
    (
        "DeploymentStatus",
        &[
            (1, "observedGeneration", Number),
            (2, "replicas", Number),
            (3, "updatedReplicas", Number),
            (4, "availableReplicas", Number),
            (5, "unavailableReplicas", Number),
            (7, "readyReplicas", Number),
        ],
    ),
];

const REVIEWS: &[(&str, Message)] = &[
    (
        "SelfSubjectAccessReview",
        &[META, (2, "spec", Of("AccessReviewSpec")), (3, "status", Of("AccessReviewStatus"))],
    ),
    (
        "AccessReviewSpec",
        &[
            (1, "resourceAttributes", Of("ResourceAttributes")),
            (2, "nonResourceAttributes", Of("NonResourceAttributes")),
        ],
    ),
    (
        "ResourceAttributes",
        &[
            (1, "namespace", Text),
            (2, "verb", Text),
            (3, "group", Text),
            (4, "version", Text),
            (5, "resource", Text),
            (6, "subresource", Text),
            (7, "name", Text),
        ],
    ),
    ("NonResourceAttributes", &[(1, "path", Text), (2, "verb", Text)]),
    (
        "AccessReviewStatus",
        &[(1, "allowed", Flag), (2, "reason", Text), (3, "evaluationError", Text), (4, "denied", Flag)],
    ),
    (
        "SelfSubjectRulesReview",
        &[META, (2, "spec", Of("RulesReviewSpec")), (3, "status", Of("RulesReviewStatus"))],
    ),
    ("RulesReviewSpec", &[(1, "namespace", Text)]),
    ("RulesReviewStatus", &[(3, "incomplete", Flag), (4, "evaluationError", Text)]),
    ("SelfSubjectReview", &[META, (2, "status", Of("SelfSubjectReviewStatus"))]),
    ("SelfSubjectReviewStatus", &[(1, "userInfo", Of("UserInfo"))]),
    ("UserInfo", &[(1, "username", Text), (2, "uid", Text)]),
];
