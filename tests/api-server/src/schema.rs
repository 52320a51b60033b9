//! The structural schema of one version of a CustomResourceDefinition: prunes, defaults and validates objects as the
//! API server does.

mod ask;
mod check;
mod combine;
mod compile;
mod default;
mod engine;
mod fault;
mod formats;
mod keyed;
mod limits;
pub(crate) mod node;
mod old;
mod path;
mod pattern;
mod prune;
mod rules;
mod scale;
#[cfg(test)]
pub(crate) mod tests;
mod text;

use serde_json::Value;

pub(crate) use self::scale::go_type;
use self::{node::Node, old::Pair, path::Path, scale::Scale};

/// Why there is no schema.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The definition has no such version.
    #[error("customresourcedefinition {name} has no version {version}: ask for one of its spec.versions")]
    NoVersion {
        /// Name of the definition.
        name: String,
        /// The version that was asked for.
        version: String,
    },
    /// The version has no schema.
    #[error("version {version} of customresourcedefinition {name} has no schema: give it an openAPIV3Schema")]
    NoSchema {
        /// Name of the definition.
        name: String,
        /// The version without schema.
        version: String,
    },
    /// The schema says what a structural schema must not, or what is not supported here.
    #[error(
        "the schema of customresourcedefinition {name} has at {path:?} {what}, which is not supported: remove it"
    )]
    Unsupported {
        /// Name of the definition.
        name: String,
        /// Path of the node in objects, `[]` for elements and `{}` for values of a map.
        path: String,
        /// What is not supported.
        what: String,
    },
}

/// One thing that is wrong with an object, as in `details.causes` of a Status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Such as `FieldValueInvalid`.
    pub reason: &'static str,
    /// Path of the field.
    pub field: String,
    /// What is wrong, without the path before it.
    pub message: String,
}

/// A structural schema, compiled once.
pub struct Schema {
    root: Node,
    scale: Option<Scale>,
}

impl Schema {
    /// The schema of a version of a CustomResourceDefinition.
    pub fn of(crd: &Value, version: &str) -> Result<Schema, Error> {
        let text =
            |pointer: &str| crd.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = text("/metadata/name");
        let versions = crd.pointer("/spec/versions").and_then(Value::as_array);
        let found = versions.into_iter().flatten().find(|found| found["name"] == version);
        let Some(found) = found else { return Err(Error::NoVersion { name, version: version.to_owned() }) };
        let Some(schema) = found.pointer("/schema/openAPIV3Schema") else {
            return Err(Error::NoSchema { name, version: version.to_owned() });
        };
        let root = compile::node(schema, "");
        let root = root.map_err(|fault| Error::Unsupported { name, path: fault.path, what: fault.what })?;
        Ok(Schema { root, scale: Scale::of(found) })
    }

    pub(crate) fn root_node(&self) -> &Node {
        &self.root
    }

    /// Drops unknown fields and answers their paths, sorted. The object's own metadata is left alone.
    pub fn prune(&self, object: &mut Value) -> Vec<String> {
        prune::unknown(&self.root, object)
    }

    /// Sets defaults, and drops nulls that are not allowed and have no default.
    pub fn default(&self, object: &mut Value) {
        prune::nulls(object, Some(&self.root));
        default::set(object, &self.root);
    }

    /// Everything else that the API server checks of a new object, or of one that `old` becomes.
    pub fn validate(&self, object: &Value, old: Option<&Value>) -> Vec<Cause> {
        let pair = old.map(|old| Pair { node: &self.root, new: object, old });
        let mut out = check::Outcome::default();
        out.check(&self.root, object, pair, &Path::ROOT);
        let mut causes = out.causes;
        if let Some(scale) = &self.scale {
            scale.check_spec(object, &mut causes);
            scale.check_status(object, &mut causes);
        }
        self.keys_and_rules(object, pair, causes)
    }

    /// The same for a write of the status alone: other fields are those of `old`, and not looked at.
    pub fn validate_status(&self, object: &Value, old: &Value) -> Vec<Cause> {
        let pair = Pair { node: &self.root, new: object, old };
        let mut out = check::Outcome::default();
        if let (Some(status), Some(node)) = (object.get("status"), self.root.field("status")) {
            out.check(node, status, pair.field("status"), &Path::ROOT);
        }
        let mut causes = out.causes;
        for cause in &mut causes {
            cause.field = match cause.field.as_str() {
                "<nil>" => "status".to_owned(),
                below => format!("status.{below}"),
            };
        }
        if let Some(scale) = &self.scale {
            scale.check_status(object, &mut causes);
        }
        self.keys_and_rules(object, Some(pair), causes)
    }

    /// Lists with keys, where the old ones were in order, and the rules, where nothing basic is wrong.
    fn keys_and_rules(&self, object: &Value, old: Option<Pair<'_>>, mut causes: Vec<Cause>) -> Vec<Cause> {
        let mut twice = Vec::new();
        keyed::check(&self.root, object, &Path::ROOT, &mut twice);
        if let Some(old) = old.filter(|_| !twice.is_empty()) {
            let mut before = Vec::new();
            keyed::check(&self.root, old.old, &Path::ROOT, &mut before);
            if !before.is_empty() {
                twice.clear();
            }
        }
        causes.append(&mut twice);
        if !self.root.below.rules {
            return causes;
        }
        const BLOCKING: [&str; 5] = [
            "FieldValueNotSupported",
            "FieldValueRequired",
            "FieldValueTooLong",
            "FieldValueTooMany",
            "FieldValueTypeInvalid",
        ];
        if causes.iter().any(|cause| BLOCKING.contains(&cause.reason)) {
            causes.push(fault::rules_not_checked());
        } else {
            ask::check(ask::Subject::root(&self.root, object, old), &Path::ROOT, &mut causes);
        }
        causes
    }
}
