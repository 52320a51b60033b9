//! Trying templates on the API server: creations that are checked and admitted, and not carried out.

use std::{sync::Arc, time::Duration};

use dask_operator_core::{
    model::names,
    plan::{check::Check, conditions::shorten},
    validation::dry_run::Verdict,
};
use kube::core::Status;
use serde_json::Value;

use super::{Error, request};
use crate::{context::Context, kubernetes::api, object_ref::ObjectRef};

/// Most fields kept of one answer.
const FIELDS: usize = 8;
/// Longest text kept of one field.
const TEXT: usize = 400;

/// Tries all of them, and keeps what the API server says.
///
/// # Errors
/// It did not answer, or was too busy.
pub(crate) async fn all(
    context: &Arc<Context>,
    subject: &ObjectRef,
    checks: Vec<Check>,
) -> Result<(), Error> {
    for check in checks {
        let verdict = one(context, &check).await?;
        tracing::debug!(kind = ?check.kind, key = check.key, ?verdict, "tried a template");
        context.state.lock().verdicts.insert(&check.key, verdict, context.now());
    }
    context.enqueue_after(subject.clone(), Duration::ZERO);
    Ok(())
}

async fn one(context: &Context, check: &Check) -> Result<Verdict, Error> {
    match post(context, check, "Strict").await? {
        None => Ok(Verdict::Valid { unknown: Vec::new() }),
        Some(status) if status.message.contains("strict decoding error") => {
            // Whatever else is wrong with it is only said without that complaint.
            let unknown = unknown_fields(&status.message);
            Ok(match post(context, check, "Ignore").await? {
                None => Verdict::Valid { unknown },
                Some(status) => said(&status),
            })
        }
        Some(status) => Ok(said(&status)),
    }
}

/// Posts it for show; answers the API server's refusal, if there is one.
async fn post(context: &Context, check: &Check, validation: &str) -> Result<Option<Status>, Error> {
    let namespace = &check.namespace;
    let uri = format!(
        "{}?dryRun=All&fieldValidation={validation}&fieldManager={}",
        api::path(check.kind, namespace),
        names::FIELD_MANAGER
    );
    let what = || format!("trying a {} of {namespace}", api::resource(check.kind).kind);
    let call = async {
        let request = http::Request::post(uri)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(check.body.clone().into_bytes())
            .map_err(kube::Error::HttpError)?;
        match context.client.request::<Value>(request).await {
            Ok(_) => Ok(None),
            Err(kube::Error::Api(status)) if is_answer(&status) => Ok(Some(*status)),
            Err(error) => Err(error),
        }
    };
    request(what, call).await
}

/// Whether the API server says something about what was posted, and not about itself.
fn is_answer(status: &Status) -> bool {
    let webhook = status.code == 500 && status.message.contains("webhook");
    webhook || ((400..500).contains(&status.code) && !matches!(status.code, 401 | 429))
}

/// Only what is said of the template itself is a verdict. The rest (a quota, a missing service account, an
/// admission policy, a webhook that takes no dry runs) may be over when it counts, and is told then. A name
/// that exists was looked at last.
fn said(status: &Status) -> Verdict {
    let is_malformed = status.code == 400 && status.message.contains("cannot be handled as");
    let is_policys = status.message.contains("ValidatingAdmissionPolicy");
    match status.code {
        409 => Verdict::Valid { unknown: Vec::new() },
        422 if !is_policys => invalid(status),
        _ if is_malformed => invalid(status),
        _ => Verdict::Inconclusive,
    }
}

fn invalid(status: &Status) -> Verdict {
    let causes = status.details.iter().flat_map(|d| &d.causes).take(FIELDS);
    let causes = causes.map(|c| (shorten(&c.field, TEXT), shorten(&c.message, TEXT))).collect();
    Verdict::Invalid { causes, message: shorten(&status.message, TEXT) }
}

/// The paths in `... unknown field "spec.a", unknown field "spec.b"`.
fn unknown_fields(message: &str) -> Vec<String> {
    let parts = message.split("unknown field \"").skip(1);
    parts.filter_map(|p| Some(p.split_once('"')?.0.to_string())).take(FIELDS).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(code: u16, message: &str, causes: Value) -> Status {
        serde_json::from_value(json!({"code": code, "message": message, "details": {"causes": causes}}))
            .unwrap()
    }

    #[test]
    fn fields_that_are_not_known_are_named() {
        let text = "Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: unknown field \
                    \"spec.containers[0].resources.limit\", unknown field \"spec.x\"";
        assert_eq!(unknown_fields(text), ["spec.containers[0].resources.limit", "spec.x"]);
    }

    #[test]
    fn only_what_is_said_of_the_template_counts() {
        let cause = json!([{"reason": "FieldValueInvalid", "field": "spec.x", "message": "must be y"}]);
        let Verdict::Invalid { causes, .. } = said(&status(422, "m", cause)) else { panic!() };
        assert_eq!(causes, [("spec.x".to_string(), "must be y".to_string())]);
        let malformed = "Pod in version \"v1\" cannot be handled as a Pod: json: ...";
        assert!(matches!(said(&status(400, malformed, json!([]))), Verdict::Invalid { .. }));
        assert_eq!(said(&status(409, "already exists", json!([]))), Verdict::Valid { unknown: Vec::new() });
        for (code, text) in [
            (403, "exceeded quota"),
            (400, "admission webhook \"x\" does not support dry run"),
            (422, "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"),
            (500, "failed calling webhook"),
        ] {
            let status = status(code, text, json!([]));
            assert!(is_answer(&status) && said(&status) == Verdict::Inconclusive, "{text}");
        }
        for code in [401, 429, 500, 503] {
            assert!(!is_answer(&status(code, "etcdserver: leader changed", json!([]))), "{code}");
        }
    }
}
