//! From the JSON schemas of `k8s-openapi` to shapes.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;

use super::{Node, Shape, Struct};

const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
const TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Time";
const MICRO_TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";

/// Go's own types of texts, by field.
const TEXTS: [(&str, &str); 6] = [
    ("restartPolicy", "v1.RestartPolicy"),
    ("dnsPolicy", "v1.DNSPolicy"),
    ("imagePullPolicy", "v1.PullPolicy"),
    ("protocol", "v1.Protocol"),
    ("effect", "v1.TaintEffect"),
    ("sessionAffinity", "v1.ServiceAffinity"),
];

/// Texts that Go keeps when they are empty, for it holds them by pointers.
const POINTERS: [&str; 10] = [
    "storageClassName",
    "volumeMode",
    "runtimeClassName",
    "loadBalancerClass",
    "appProtocol",
    "holderIdentity",
    "internalTrafficPolicy",
    "ipFamilyPolicy",
    "preemptionPolicy",
    "type",
];

/// What Go leaves out when it is false.
const FLAGS: [&str; 10] = [
    "stdin",
    "stdinOnce",
    "tty",
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "readOnly",
    "publishNotReadyAddresses",
    "paused",
    "unschedulable",
];

struct Build {
    definitions: serde_json::Map<String, Value>,
    types: Vec<Struct>,
    known: BTreeMap<String, usize>,
}

impl Shape {
    /// The shape of a type.
    pub(crate) fn of<T: JsonSchema>() -> Self {
        let mut generator = SchemaGenerator::new(SchemaSettings::draft07());
        let name = T::schema_name();
        generator.subschema_for::<T>();
        let definitions = generator.take_definitions(true);
        let mut build = Build { definitions, types: Vec::new(), known: BTreeMap::new() };
        let root = build.named(&name);
        Self { types: Arc::new(build.types), root }
    }
}

impl Build {
    fn named(&mut self, name: &str) -> usize {
        if let Some(index) = self.known.get(name) {
            return *index;
        }
        let index = self.types.len();
        self.known.insert(name.to_string(), index);
        let go = name.rsplit('.').next().unwrap_or_default().to_string();
        self.types.push(Struct { name: go, fields: BTreeMap::new() });
        let schema = self.definitions.get(name).cloned().unwrap_or_default();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let properties = schema["properties"].as_object().into_iter().flatten();
        let fields = properties.map(|(field, schema)| {
            let node = match self.node(field, schema) {
                Node::Text(go, _) if required.iter().any(|r| r == field) => Node::Text(go, false),
                node => node,
            };
            (field.clone(), node)
        });
        let fields = fields.collect();
        self.types[index].fields = fields;
        index
    }

    fn node(&mut self, field: &str, schema: &Value) -> Node {
        if let Some(all) = schema["allOf"].as_array().and_then(|all| all.first()) {
            return self.node(field, all);
        }
        if let Some(reference) = schema["$ref"].as_str() {
            return self.reference(field, reference.rsplit('/').next().unwrap_or_default());
        }
        match schema["type"].as_str() {
            Some("string") if schema["format"] == "byte" => Node::Bytes,
            Some("string") => {
                let own = TEXTS.iter().find(|(name, _)| *name == field);
                Node::Text(
                    own.map_or("string", |(_, go)| go),
                    !POINTERS.contains(&field) && !field.is_empty(),
                )
            }
            Some("boolean") => Node::Bool(FLAGS.contains(&field)),
            Some("integer") if schema["format"] == "int32" => Node::Integer("int32"),
            Some("integer") => Node::Integer("int64"),
            Some("number") => Node::Number,
            Some("array") => Node::List(Box::new(self.node("", &schema["items"]))),
            Some("object") if schema["additionalProperties"].is_object() => {
                Node::Map(Box::new(self.node("", &schema["additionalProperties"])))
            }
            _ => Node::Any,
        }
    }

    fn reference(&mut self, field: &str, name: &str) -> Node {
        if name == QUANTITY {
            return Node::Quantity;
        }
        if name == INT_OR_STRING {
            return Node::IntOrString;
        }
        if name == TIME || name == MICRO_TIME {
            return Node::Time(name == MICRO_TIME);
        }
        let schema = self.definitions.get(name).cloned().unwrap_or_default();
        if schema["properties"].is_object() {
            return Node::Struct(self.named(name));
        }
        // `FieldsV1`, `RawExtension` and the like have no fields of their own.
        match schema["type"].as_str() {
            Some("object") | None => Node::Any,
            _ => self.node(field, &schema),
        }
    }
}
