//! An answer of an API server, and comparing it with what it must be.

use anyhow::{Context, Result, bail, ensure};
use http::Response;
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};

/// As much of a value is shown where it differs.
const LONGEST: usize = 300;

/// An answer with all that is compared.
#[derive(Debug)]
pub(super) struct Answer {
    /// What was asked, for complaints.
    asked: String,
    pub(super) code: u16,
    /// Null if it is no JSON.
    pub(super) body: Value,
    pub(super) text: String,
    pub(super) content_type: String,
    pub(super) warnings: Vec<String>,
}

impl Answer {
    pub(super) async fn read(asked: String, response: Response<Body>) -> Result<Self> {
        let code = response.status().as_u16();
        let header = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let content_type = response.headers().get("content-type").map(header).unwrap_or_default();
        let warnings = response.headers().get_all("warning").iter().map(header).collect();
        let bytes = response.into_body().collect().await.with_context(|| asked.clone())?.to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Ok(Self { asked, code, body, text, content_type, warnings })
    }

    /// A part of what was answered, to be compared as an answer.
    pub(super) fn made_of(body: Value) -> Self {
        let (asked, text, content_type) = Default::default();
        Self { asked, code: 200, body, text, content_type, warnings: Vec::new() }
    }

    /// The body, if the code is this one.
    pub(super) fn ok(self, code: u16) -> Result<Value> {
        ensure!(self.code == code, "{}: {} and not {code}: {}", self.asked, self.code, self.text);
        Ok(self.body)
    }

    /// It is exactly this Status.
    pub(super) fn refused(self, code: u16, reason: &str, message: &str, details: Value) -> Result<()> {
        let mut wanted = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "details": details, "code": code,
        });
        if let Some(status) = wanted.as_object_mut().filter(|status| status["details"].is_null()) {
            status.remove("details");
        }
        let asked = self.asked.clone();
        same(&asked, &self.ok(code)?, &wanted)
    }
}

/// Two values are the same.
pub(super) fn same(what: &str, seen: &Value, wanted: &Value) -> Result<()> {
    let Some((at, seen, wanted)) = difference(seen, wanted) else { return Ok(()) };
    bail!("{what}: {at} is {} and not {}", short(seen), short(wanted))
}

/// The first place in which two values differ, and what each has there.
fn difference<'a>(seen: &'a Value, wanted: &'a Value) -> Option<(String, &'a Value, &'a Value)> {
    if seen == wanted {
        return None;
    }
    let below = |key: &str, (at, seen, wanted)| (format!("/{key}{at}"), seen, wanted);
    match (seen, wanted) {
        (Value::Object(a), Value::Object(b)) => a.keys().chain(b.keys()).find_map(|key| {
            let (a, b) = (a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null));
            difference(a, b).map(|found| below(key, found))
        }),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(i, (a, b))| difference(a, b).map(|found| below(&i.to_string(), found))),
        _ => None,
    }
    .or_else(|| Some((String::new(), seen, wanted)))
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.len() <= LONGEST { text } else { text.chars().take(LONGEST).chain("...".chars()).collect() }
}

/// All that `wanted` has is so in `seen`, which may have more keys; null stands for a key that is not there.
pub(super) fn has(what: &str, seen: &Value, wanted: &Value) -> Result<()> {
    if let Value::Object(keys) = wanted {
        for (key, value) in keys {
            has(&format!("{what}.{key}"), &seen[key], value)?;
        }
        return Ok(());
    }
    same(what, seen, wanted)
}
