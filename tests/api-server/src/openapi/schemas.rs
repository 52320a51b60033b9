//! The schemas of a document: those of `k8s-openapi`, and those of definitions.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{DeleteOptions, ListMeta, ObjectMeta},
    schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings},
};
use serde_json::{Map, Value, json};

use crate::{kinds::Kind, meta};

/// Where the schema of a kind is from.
pub(crate) enum Described {
    /// Adds its schemas, and answers the name of its own.
    Builtin(fn(&mut SchemaGenerator) -> String),
    /// The schema of a definition.
    Custom(Value),
}

impl Described {
    /// A built-in kind.
    pub(crate) fn of<T: JsonSchema>() -> Self {
        Self::Builtin(add::<T>)
    }

    /// A custom kind with this schema.
    pub(crate) fn custom(schema: Value) -> Self {
        Self::Custom(schema)
    }
}

fn add<T: JsonSchema>(generator: &mut SchemaGenerator) -> String {
    generator.subschema_for::<T>();
    T::schema_name().into_owned()
}

/// All schemas that the kinds need, and the names of their own.
pub(super) fn of(kinds: &[&Kind]) -> (Map<String, Value>, Vec<String>) {
    let settings = SchemaSettings::draft07().with(|s| s.definitions_path = "/components/schemas".into());
    let mut generator = SchemaGenerator::new(settings);
    let object_meta = reference(&add::<ObjectMeta>(&mut generator));
    let list_meta = reference(&add::<ListMeta>(&mut generator));
    add::<DeleteOptions>(&mut generator);
    let names: Vec<String> = kinds
        .iter()
        .map(|kind| match &kind.described {
            Described::Builtin(add) => add(&mut generator),
            Described::Custom(_) => custom_name(kind),
        })
        .collect();
    let mut schemas = generator.take_definitions(true);
    for (kind, name) in kinds.iter().zip(&names) {
        if let Described::Custom(schema) = &kind.described {
            schemas.insert(name.clone(), custom(schema, &object_meta));
        }
        let list = list(kind, name, &list_meta);
        schemas.insert(format!("{name}List"), list);
        if let Some(schema) = schemas.get_mut(name) {
            schema["x-kubernetes-group-version-kind"] = json!([group_version_kind(kind)]);
        }
    }
    (schemas, names)
}

/// Where a schema is found.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// What a kind is called in extensions.
pub(super) fn group_version_kind(kind: &Kind) -> Value {
    json!({"group": kind.group, "version": kind.version, "kind": kind.kind})
}

/// The group from its end on, as packages are named.
fn custom_name(kind: &Kind) -> String {
    let mut parts: Vec<&str> = kind.group.split('.').rev().collect();
    parts.extend([kind.version.as_str(), kind.kind.as_str()]);
    parts.join(".")
}

const API_VERSION: &str = "APIVersion defines the versioned schema of this representation of an object. Servers \
                           should convert recognized schemas to the latest internal value, and may reject \
                           unrecognized values.";
const KIND: &str = "Kind is a string value representing the REST resource this object represents.";

/// The schema of a definition, with what all objects have.
fn custom(schema: &Value, object_meta: &Value) -> Value {
    let mut schema = schema.clone();
    let properties = meta::map(&mut schema, "properties");
    properties.insert("apiVersion".into(), json!({"type": "string", "description": API_VERSION}));
    properties.insert("kind".into(), json!({"type": "string", "description": KIND}));
    let described = json!({"description": "Standard object's metadata.", "allOf": [object_meta]});
    properties.insert("metadata".into(), described);
    schema
}

fn list(kind: &Kind, name: &str, list_meta: &Value) -> Value {
    let mut of = group_version_kind(kind);
    of["kind"] = json!(format!("{}List", kind.kind));
    json!({
        "description": format!("{0}List is a list of {0}", kind.kind),
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string", "description": API_VERSION},
            "kind": {"type": "string", "description": KIND},
            "metadata": {"allOf": [list_meta], "description": "Standard list metadata."},
            "items": {"type": "array", "items": reference(name), "description": "List of objects."},
        },
        "x-kubernetes-group-version-kind": [of],
    })
}
