//! Trying templates on the API server: creations that are checked and admitted, and not carried out.

use std::{sync::Arc, time::Duration};

use dask_operator_core::{
    model::names,
    plan::check::Check,
    validation::dry_run::{Rejection, Verdict},
};
use kube::core::Status;
use serde_json::Value;

use super::{Error, request};
use crate::{context::Context, kubernetes::api, object_ref::ObjectRef};

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
        Some(rejection) if rejection.is_about_unknown_fields() => {
            // Whatever else is wrong with it is only said without that complaint.
            let ignoring = post(context, check, "Ignore").await?;
            Ok(ignoring.map_or_else(
                || Verdict::Valid { unknown: rejection.unknown_fields() },
                |other| other.verdict(),
            ))
        }
        Some(rejection) => Ok(rejection.verdict()),
    }
}

/// Posts it for show; answers the API server's rejection, if there is one.
async fn post(context: &Context, check: &Check, validation: &str) -> Result<Option<Rejection>, Error> {
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
            Err(kube::Error::Api(status)) => {
                let rejection = rejection(&status);
                if rejection.is_answer() { Ok(Some(rejection)) } else { Err(kube::Error::Api(status)) }
            }
            Err(error) => Err(error),
        }
    };
    request(what, call).await
}

fn rejection(status: &Status) -> Rejection {
    let causes = status.details.iter().flat_map(|d| &d.causes);
    let causes = causes.map(|c| (c.field.clone(), c.message.clone())).collect();
    Rejection { code: status.code, message: status.message.clone(), causes }
}
