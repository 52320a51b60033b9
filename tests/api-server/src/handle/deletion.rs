//! Requests that delete: one object, or all that are selected.

use serde_json::{Value, json};

use super::{Answer, Asking};
use crate::{
    asked::Asked,
    call::{DeleteOptions, Propagation},
    decode,
    delete::{self, Deleted},
    journal::Verb,
    kinds::Builtin,
    list, meta,
    partial::View,
    request::Target,
    schema::Cause,
    selector::Selector,
    status::{Details, Status},
    store::State,
    table,
};

impl Asking<'_> {
    fn options(&self, asked: &mut Asked<'_>) -> Result<DeleteOptions, Status> {
        let body: Value = if self.request.body().is_empty() {
            json!({})
        } else {
            serde_json::from_slice(self.request.body()).map_err(|e| Status::bad_request(e.to_string()))?
        };
        fits(&body)?;
        if body["dryRun"].as_array().is_some_and(|d| d.iter().any(|v| v == "All")) {
            asked.dry_run = true;
        }
        // What stands in the query counts where the body says nothing.
        let query = self.query.delete.as_ref().filter(|_| self.request.body().is_empty()).unwrap_or(&body);
        let text = |at: &str| body.pointer(at).and_then(Value::as_str).map(String::from);
        if let (Some(policy), true) =
            (query["propagationPolicy"].as_str(), query["orphanDependents"].is_boolean())
        {
            return Err(both(policy));
        }
        let propagation = match query["propagationPolicy"].as_str() {
            None if query["orphanDependents"] == true => Some(Propagation::Orphan),
            None | Some("") => None,
            Some("Background") => Some(Propagation::Background),
            Some("Foreground") => Some(Propagation::Foreground),
            Some("Orphan") => Some(Propagation::Orphan),
            Some(other) => return Err(bad_propagation(other)),
        };
        Ok(DeleteOptions {
            grace: query["gracePeriodSeconds"].as_i64(),
            uid: text("/preconditions/uid"),
            resource_version: text("/preconditions/resourceVersion"),
            propagation,
        })
    }

    pub(super) fn delete(&self, state: &mut State) -> Result<Answer, Status> {
        let mut asked = self.asked(Verb::Delete);
        let options = self.options(&mut asked)?;
        let Deleted { object, is_gone } = delete::delete(state, &mut asked, &options)?;
        use Builtin::{Pod, ResourceQuota, Service, ServiceAccount};
        let kind = &self.target.kind;
        let shows = matches!(kind.builtin(), Some(Pod | ResourceQuota | Service | ServiceAccount));
        if !is_gone || shows {
            return Ok(self.shown(&object.value));
        }
        let details = Details {
            name: meta::text(&object.value, "name").into(),
            group: kind.group.clone(),
            kind: kind.plural.to_string(),
            uid: meta::text(&object.value, "uid").into(),
            ..Details::default()
        };
        Ok(Answer::json(&json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": details.json(),
        })))
    }

    pub(super) fn delete_all(&self, state: &mut State) -> Result<Answer, Status> {
        let kind = &self.target.kind;
        if kind.namespaced && self.target.namespace.is_empty() || kind.is(Builtin::Namespace) {
            return Err(Status::not_allowed());
        }
        let selector = Selector::parse(kind, &self.query.labels, &self.query.fields)?;
        let doomed = list::selected(state, self.target, &selector);
        let mut items = Vec::new();
        for object in doomed {
            let name = Some(meta::text(&object.value, "name").to_string());
            let target = Target { name, ..self.target.clone() };
            let mut asked = Asked { target: &target, ..self.asked(Verb::Delete) };
            let options = self.options(&mut asked)?;
            delete::delete(state, &mut asked, &options)?;
            items.push(object);
        }
        // As they were before.
        let meta = json!({"resourceVersion": state.version.to_string()});
        if let View::Table(options) = self.view {
            let values = items.iter().map(|o| &*o.value);
            return Ok(Answer::json(&table::of(kind, values, meta, options)));
        }
        let items = items.iter().map(|object| {
            let mut item = self.view.of(kind, &object.value);
            if kind.builtin().is_some() && self.view == View::Whole {
                meta::as_map(&mut item).retain(|key, _| !matches!(key.as_str(), "apiVersion" | "kind"));
            }
            item
        });
        let (api_version, name) = self.view.names(kind);
        Ok(Answer::json(&json!({
            "kind": format!("{name}List"), "apiVersion": api_version,
            "metadata": meta, "items": items.collect::<Vec<_>>(),
        })))
    }
}

/// Options of the wrong type are told as they come from the decoder.
fn fits(body: &Value) -> Result<(), Status> {
    for (key, of, is_right) in [
        ("gracePeriodSeconds", "int64", Value::is_i64 as fn(&Value) -> bool),
        ("propagationPolicy", "v1.DeletionPropagation", Value::is_string),
        ("orphanDependents", "bool", Value::is_boolean),
    ] {
        if body.get(key).is_some_and(|value| !value.is_null() && !is_right(value)) {
            let what = decode::told(&body[key]);
            let why = format!(
                "json: cannot unmarshal {what} into Go struct field DeleteOptions.{key} of type {of}"
            );
            return Err(Status::new(500, "", why));
        }
    }
    Ok(())
}

fn both(policy: &str) -> Status {
    let message =
        format!("Invalid value: {policy:?}: orphanDependents and deletionPropagation cannot be both set");
    let field = "propagationPolicy".into();
    Status::options("DeleteOptions", Cause { reason: "FieldValueInvalid", field, message })
}

fn bad_propagation(given: &str) -> Status {
    let message = format!(
        "Unsupported value: {given:?}: supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
    );
    let field = "propagationPolicy".into();
    Status::options("DeleteOptions", Cause { reason: "FieldValueNotSupported", field, message })
}
