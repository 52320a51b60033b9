//! A policy that is to be tried: a DaskAutoscaler, or its spec, as YAML or JSON.

use dask_crds::DaskAutoscalerSpec;
use serde_json::{Map, Value};

/// What is wrong with a policy.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It cannot be read.
    #[error("it is no YAML or JSON: {0}")]
    Unreadable(String),
    /// It is no autoscaler.
    #[error("it must be a DaskAutoscaler, or the spec of one, such as `maximum: 20`; it is a {0}")]
    OtherKind(String),
    /// A field is not known.
    #[error("spec.{field}: there is no such field; known are {known}")]
    UnknownField {
        /// The field.
        field: String,
        /// All that there are.
        known: String,
    },
    /// A value is out of bounds.
    #[error("spec.{field}: {value} must be {rule}")]
    Value {
        /// The field.
        field: String,
        /// What it says.
        value: String,
        /// What it may say.
        rule: String,
    },
}

/// Reads a policy; `spec.cluster` may be missing.
///
/// # Errors
/// It is no autoscaler, or none that an API server would take.
pub fn read(text: &str) -> Result<DaskAutoscalerSpec, PolicyError> {
    let whole: Value = serde_saphyr::from_str(text).map_err(|e| PolicyError::Unreadable(e.to_string()))?;
    let mut spec = spec_of(whole)?;
    spec.entry("cluster").or_insert_with(|| "simulated".into());
    check(&spec)?;
    let field = |e: serde_json::Error| PolicyError::Unreadable(e.to_string());
    let spec: DaskAutoscalerSpec = serde_json::from_value(Value::Object(spec)).map_err(field)?;
    match (spec.minimum, spec.maximum) {
        (Some(minimum), Some(maximum)) if minimum > maximum => Err(PolicyError::Value {
            field: "minimum".into(),
            value: minimum.to_string(),
            rule: format!("at most spec.maximum ({maximum})"),
        }),
        _ => Ok(spec),
    }
}

fn spec_of(whole: Value) -> Result<Map<String, Value>, PolicyError> {
    let Value::Object(mut fields) = whole else {
        let kind = if whole.is_array() { "list" } else { "single value" };
        return Err(PolicyError::OtherKind(kind.into()));
    };
    match (fields.get("kind").cloned(), fields.remove("spec")) {
        (None, None) => Ok(fields),
        (kind, Some(Value::Object(spec))) if kind.as_ref().is_none_or(|k| *k == "DaskAutoscaler") => Ok(spec),
        (kind, _) => Err(PolicyError::OtherKind(kind.map_or("map without a spec".into(), |k| k.to_string()))),
    }
}

/// Checks all fields by the schema of the definition.
fn check(spec: &Map<String, Value>) -> Result<(), PolicyError> {
    let all = dask_crds::definitions();
    let definition = all.iter().find(|d| d["spec"]["names"]["kind"] == "DaskAutoscaler");
    let schema = definition.map(|d| &d["spec"]["versions"][0]["schema"]["openAPIV3Schema"]);
    let known = schema.and_then(|s| s["properties"]["spec"]["properties"].as_object());
    let Some(known) = known else { return Ok(()) };
    for (field, value) in spec {
        let Some(schema) = known.get(field) else {
            let known = known.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(PolicyError::UnknownField { field: field.clone(), known });
        };
        if let Some(rule) = broken_rule(schema, value).filter(|_| !value.is_null()) {
            return Err(PolicyError::Value { field: field.clone(), value: value.to_string(), rule });
        }
    }
    Ok(())
}

/// What the schema says of a value that is not as it should be.
fn broken_rule(schema: &Value, value: &Value) -> Option<String> {
    if let Some(words) = schema["enum"].as_array().filter(|words| !words.contains(value)) {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        return Some(format!("one of {}", words.join(", ")));
    }
    if schema["type"] == "integer" {
        let Some(number) = value.as_i64() else { return Some("a whole number".into()) };
        let (least, most) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
        let number = f64::from(i32::try_from(number).unwrap_or(i32::MAX));
        return match (least, most) {
            (Some(least), _) if number < least => Some(format!("at least {least}")),
            (_, Some(most)) if number > most => Some(format!("at most {most}")),
            _ => None,
        };
    }
    (schema["type"] == "string" && !value.is_string()).then(|| "a text".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_and_its_spec_are_taken() {
        let manifest = "kind: DaskAutoscaler\nspec: {cluster: c, minimum: 2, targetDuration: 30}";
        assert_eq!(read(manifest).unwrap().target_duration, Some(30));
        assert_eq!(read("{\"maximum\": 7}").unwrap().maximum, Some(7));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_field() {
        for (text, said) in [
            ("- 1", "it is a list"),
            ("kind: DaskCluster\nspec: {}", "it is a \"DaskCluster\""),
            ("maximun: 3", "spec.maximun: there is no such field; known are behavior, cluster,"),
            ("minimum: -1", "spec.minimum: -1 must be at least 0"),
            ("targetDuration: 0", "spec.targetDuration: 0 must be at least 1"),
            ("targetDuration: 5s", "spec.targetDuration: \"5s\" must be a whole number"),
            ("mode: Sometimes", "spec.mode: \"Sometimes\" must be one of Active, DryRun, Paused"),
            ("{minimum: 5, maximum: 3}", "spec.minimum: 5 must be at most spec.maximum (3)"),
            ("a: [", "it is no YAML"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
