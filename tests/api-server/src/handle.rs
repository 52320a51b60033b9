//! From an HTTP request to its answer.

mod body;
mod deletion;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    asked::Asked,
    binding,
    call::{Write, write},
    create, discovery,
    journal::{Act, Verb},
    list,
    partial::{self, View},
    patch::Patch,
    request::{self, Query, Target},
    scale,
    schema::Cause,
    selector::Selector,
    server::Shared,
    server_side,
    service::ResponseBody,
    status::Status,
    store::{State, written},
    table,
    watch::{Order, Watch},
};

const JSON: &str = "application/json";

/// An answer that is no refusal.
struct Answer {
    code: StatusCode,
    body: ResponseBody,
    media: &'static str,
    warnings: Vec<String>,
}

impl Answer {
    fn whole(bytes: Bytes) -> Self {
        let body = ResponseBody::whole(bytes);
        Self { code: StatusCode::OK, body, media: JSON, warnings: Vec::new() }
    }

    fn json(value: &Value) -> Self {
        Self::whole(written(value))
    }
}

/// Answers a request.
pub(crate) fn answer(shared: &Arc<Shared>, user: &str, request: &Request<Bytes>) -> Response<ResponseBody> {
    match route(shared, user, request) {
        Ok(answer) => {
            let mut response = Response::new(answer.body);
            *response.status_mut() = answer.code;
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.media));
            warn(headers, &answer.warnings);
            response
        }
        Err(status) => refusal(&status),
    }
}

fn warn(headers: &mut HeaderMap, warnings: &[String]) {
    for warning in warnings {
        let text = format!("299 - \"{}\"", warning.replace('\\', "\\\\").replace('"', "\\\""));
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.append(header::WARNING, value);
        }
    }
}

/// The answer that a refusal is.
pub(crate) fn refusal(status: &Status) -> Response<ResponseBody> {
    let is_page = status.code == 404 && status.reason.is_empty();
    let (text, media) = if is_page {
        (format!("{}\n", status.message), "text/plain; charset=utf-8")
    } else {
        (status.json().to_string(), "application/json")
    };
    let mut response = Response::new(ResponseBody::whole(text.into()));
    *response.status_mut() = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    warn(response.headers_mut(), &status.warnings);
    response
}

fn route(shared: &Arc<Shared>, user: &str, request: &Request<Bytes>) -> Result<Answer, Status> {
    let path = request.uri().path();
    let mut state = shared.lock();
    if *request.method() == Method::GET
        && let Some(found) = discovery::answer(&state, path, || body::header(request, header::ACCEPT))
    {
        return Ok(Answer { media: found.media, ..Answer::whole(found.body) });
    }
    let target = match request::target(&state, path) {
        Ok(target) => target,
        Err(status) => return body::review(user, request).ok_or(status)?,
    };
    let query = Query::parse(request.method(), request.uri().query())?;
    let view = partial::asked(request.headers(), &query, || shared.now())?;
    let asked = Asking { shared, user, request, target: &target, query: &query, view };
    match (request.method().clone(), target.name.is_some()) {
        (Method::GET, true) => asked.get(&state),
        (Method::GET, false) if query.watch => asked.watch(&mut state),
        (Method::GET, false) => list::list(&state, &target, &query, view).map(Answer::whole),
        (Method::POST, false) if target.kind.namespaced != target.namespace.is_empty() => {
            asked.create(&mut state)
        }
        (Method::POST, true) if target.subresource == Some("binding") => asked.bind(&mut state),
        (_, true) if target.subresource == Some("binding") => Err(Status::not_allowed()),
        (Method::PUT, true) => asked.replace(&mut state),
        (Method::PATCH, true) => asked.patch(&mut state),
        (Method::DELETE, true) if target.subresource.is_none() => asked.delete(&mut state),
        (Method::DELETE, false) => asked.delete_all(&mut state),
        // Custom resources have one handler for all methods, which looks at the path less closely.
        (Method::POST, true) if target.is_custom() && target.subresource.is_none() => {
            asked.create(&mut state)
        }
        (Method::PUT | Method::PATCH, false) if target.is_custom() => {
            Err(Status::bad_request("name must be provided"))
        }
        (Method::POST, true) if target.is_custom() => Err(Status::not_supported(&target.kind, "create")),
        (Method::DELETE, true) if target.is_custom() => Err(Status::not_supported(&target.kind, "delete")),
        _ => Err(Status::not_allowed()),
    }
}

/// A refusal, with what was to be warned of until then.
fn warned(asked: &mut Asked<'_>, mut status: Status) -> Status {
    status.warnings.append(&mut asked.warnings);
    status
}

/// A request, taken apart.
struct Asking<'a> {
    shared: &'a Arc<Shared>,
    user: &'a str,
    request: &'a Request<Bytes>,
    target: &'a Target,
    query: &'a Query,
    view: View,
}

impl Asking<'_> {
    fn asked(&self, verb: Verb) -> Asked<'_> {
        Asked {
            target: self.target,
            act: Act::new(self.user, verb, self.target.subresource),
            manager: request::manager(self.query, self.request.headers()),
            dry_run: self.query.dry_run,
            validation: self.query.validation,
            now: self.shared.now(),
            tracks: self.shared.settings.managed_fields,
            is_apply: false,
            patch: None,
            warnings: Vec::new(),
        }
    }

    fn shown(&self, object: &Value) -> Answer {
        match self.view {
            View::Whole => Answer::json(object),
            view => Answer::json(&view.of(&self.target.kind, object)),
        }
    }

    fn scale(&self, scale: &Value) -> Answer {
        match self.view {
            View::Table(options) => Answer::json(&table::scale(&self.target.kind, scale, options)),
            _ => Answer::json(scale),
        }
    }

    fn get(&self, state: &State) -> Result<Answer, Status> {
        let object = self.asked(Verb::Update).live(state)?;
        if self.target.subresource == Some("scale") {
            return scale::of(&self.target.kind, &object).map(|s| self.scale(&s));
        }
        match self.view {
            View::Whole => Ok(Answer::whole(object.json().clone())),
            _ => Ok(self.shown(&object.value)),
        }
    }

    fn watch(&self, state: &mut State) -> Result<Answer, Status> {
        let version = match self.query.version.as_str() {
            "" | "0" => None,
            text => Some(text.parse().map_err(|_| Status::new(500, "", list::no_number(text)))?),
        };
        let order = Order {
            table: self.target.table,
            namespace: self.target.namespace.clone(),
            selector: Selector::parse(&self.target.kind, &self.query.labels, &self.query.fields)?,
            view: self.view,
            from: version.filter(|_| !self.query.initial_events),
            bookmarks: self.query.bookmarks,
            initial_end: self.query.initial_events && self.query.bookmarks,
            timeout: self.query.timeout,
        };
        let watch = Watch::open(self.shared, state, order)?;
        Ok(Answer { body: ResponseBody::watch(watch), ..Answer::whole(Bytes::new()) })
    }

    fn create(&self, state: &mut State) -> Result<Answer, Status> {
        let mut asked = self.asked(Verb::Create);
        let body = self.body(&mut asked)?;
        let made = create::create(state, &mut asked, body).map_err(|status| warned(&mut asked, status))?;
        let answer = match self.view {
            View::Whole => Answer::whole(made.json().clone()),
            _ => self.shown(&made.value),
        };
        Ok(Answer { code: StatusCode::CREATED, warnings: asked.warnings, ..answer })
    }

    fn bind(&self, state: &mut State) -> Result<Answer, Status> {
        let body: Value = serde_json::from_slice(self.request.body())
            .map_err(|e| Status::bad_request(format!("the Binding cannot be read: {e}")))?;
        binding::bind(state, &self.asked(Verb::Update), &body)?;
        let done =
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
        Ok(Answer { code: StatusCode::CREATED, ..Answer::json(&done) })
    }

    fn replace(&self, state: &mut State) -> Result<Answer, Status> {
        let mut asked = self.asked(Verb::Update);
        let body = Write::Replace(self.body(&mut asked)?);
        let done = write(state, &mut asked, &body).map_err(|status| warned(&mut asked, status))?;
        let code = if asked.act.verb == Verb::Create { StatusCode::CREATED } else { StatusCode::OK };
        Ok(Answer { code, warnings: asked.warnings, ..self.written(state, &done) })
    }

    fn patch(&self, state: &mut State) -> Result<Answer, Status> {
        let mut asked = self.asked(Verb::Update);
        let patch = Patch::parse(&self.target.kind, body::media(self.request), self.request.body())?;
        if let Patch::Apply(config) = &patch {
            let done = server_side::apply(state, &mut asked, config, self.query)?;
            let code = if asked.act.verb == Verb::Create { StatusCode::CREATED } else { StatusCode::OK };
            return Ok(Answer { code, warnings: asked.warnings, ..self.written(state, &done.value) });
        }
        if self.query.force.is_some() {
            let message = "Forbidden: may not be specified for non-apply patch".into();
            let cause = Cause { reason: "FieldValueForbidden", field: "force".into(), message };
            return Err(Status::options("PatchOptions", cause));
        }
        let done =
            write(state, &mut asked, &Write::Patch(patch)).map_err(|status| warned(&mut asked, status))?;
        Ok(Answer { warnings: asked.warnings, ..self.written(state, &done) })
    }

    /// A new version as it is shown; its JSON was or will be needed by watches, and is made once.
    fn written(&self, state: &State, done: &Arc<Value>) -> Answer {
        let name = self.target.name.as_deref().unwrap_or_default();
        let stored = state.get(self.target.table, &self.target.namespace, name);
        match stored.filter(|s| self.view == View::Whole && Arc::ptr_eq(&s.value, done)) {
            Some(stored) => Answer::whole(stored.json().clone()),
            None if self.target.subresource == Some("scale") => self.scale(done),
            None => self.shown(done),
        }
    }
}
