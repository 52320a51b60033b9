//! Requests: what is asked for, from a path, a query and headers.

use std::sync::Arc;

use http::{Method, header};
use serde_json::Value;

use crate::{
    kinds::Kind,
    schema::Cause,
    status::Status,
    store::{Key, State},
};

/// Most bytes of a manager's name.
const LONGEST_MANAGER: usize = 128;

/// The parts of a path, as far as they name something served.
#[derive(Clone)]
pub(crate) struct Target {
    pub table: usize,
    pub kind: Arc<Kind>,
    /// Empty for cluster-scoped kinds and for all namespaces.
    pub namespace: String,
    pub name: Option<String>,
    pub subresource: Option<&'static str>,
}

impl Target {
    /// An object, by its key in the table of its kind.
    pub(crate) fn of(table: usize, kind: &Arc<Kind>, (namespace, name): &Key) -> Self {
        let name = Some(name.clone());
        Self { table, kind: kind.clone(), namespace: namespace.clone(), name, subresource: None }
    }

    pub(crate) fn is_custom(&self) -> bool {
        self.kind.builtin().is_none()
    }
}

/// What is to become of unknown fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Validation {
    Ignore,
    #[default]
    Warn,
    Strict,
}

/// The parameters of a query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub labels: String,
    pub fields: String,
    pub limit: usize,
    pub next: String,
    pub version: String,
    pub version_match: String,
    pub watch: bool,
    pub bookmarks: bool,
    pub initial_events: bool,
    pub timeout: Option<u64>,
    pub dry_run: bool,
    pub manager: String,
    pub validation: Validation,
    /// Only an apply may be told of it.
    pub force: Option<bool>,
    /// What rows of tables tell beside their cells.
    pub include: String,
    /// Options of a deletion, as they stand in its body.
    pub delete: Option<Value>,
}

impl Query {
    pub(crate) fn parse(method: &Method, query: Option<&str>) -> Result<Self, Status> {
        let mut parsed = Self::default();
        let options = options(method);
        for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            parsed.parameter(options, &key, &value)?;
        }
        if *method == Method::GET {
            parsed.check_list()?;
        }
        Ok(parsed)
    }

    fn check_watch(&self) -> Result<(), Status> {
        const NEWER: &str = "NotOlderThan";
        let given = self.version_match.as_str();
        let mut wrong = Vec::new();
        let mut add = |reason, message: String| {
            wrong.push(Cause { reason, field: "resourceVersionMatch".into(), message });
        };
        if self.initial_events && given != NEWER {
            let why = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            add("FieldValueForbidden", why.into());
        }
        if !self.initial_events && !given.is_empty() {
            let why =
                "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            add("FieldValueForbidden", why.into());
        }
        if !["", NEWER].contains(&given) {
            let why = format!("Unsupported value: {given:?}: supported values: {NEWER:?}");
            add("FieldValueNotSupported", why);
        }
        if wrong.is_empty() { Ok(()) } else { Err(Status::all_options("ListOptions", wrong)) }
    }

    fn check_list(&self) -> Result<(), Status> {
        if self.watch {
            return self.check_watch();
        }
        let forbidden = |field: &str, why: &str| {
            let message = format!("Forbidden: {why}");
            Status::options(
                "ListOptions",
                Cause { reason: "FieldValueForbidden", field: field.into(), message },
            )
        };
        let matches = ["Exact", "NotOlderThan", ""];
        if !matches.contains(&self.version_match.as_str()) {
            let value = format!("{:?}", self.version_match);
            return Err(unsupported("ListOptions", "resourceVersionMatch", value, &matches));
        }
        if self.version.is_empty() && !self.version_match.is_empty() {
            let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            return Err(forbidden("resourceVersionMatch", why));
        }
        if self.initial_events {
            return Err(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
        }
        Ok(())
    }

    fn parameter(&mut self, options: &str, key: &str, value: &str) -> Result<(), Status> {
        let is_true = matches!(value, "true" | "1" | "True");
        match key {
            "labelSelector" => self.labels = value.into(),
            "fieldSelector" => self.fields = value.into(),
            "limit" => self.limit = number(value)?,
            "continue" => self.next = value.into(),
            "resourceVersion" => self.version = value.into(),
            "resourceVersionMatch" => self.version_match = value.into(),
            "watch" => self.watch = is_true || value.is_empty(),
            "allowWatchBookmarks" => self.bookmarks = is_true,
            "sendInitialEvents" => self.initial_events = is_true,
            "timeoutSeconds" => self.timeout = Some(number(value)?),
            "dryRun" if value == "All" => self.dry_run = true,
            "dryRun" => return Err(unsupported(options, "dryRun", format!("[{value:?}]"), &["All"])),
            "fieldManager" if value.len() > LONGEST_MANAGER => return Err(long_manager(options)),
            "fieldManager" => self.manager = value.into(),
            "force" => self.force = Some(is_true),
            "fieldValidation" => self.validation = validation(options, value)?,
            "includeObject" => self.include = value.into(),
            "gracePeriodSeconds" => {
                let seconds: i64 = number(value)?;
                self.option("gracePeriodSeconds", seconds.into());
            }
            "propagationPolicy" => self.option("propagationPolicy", value.into()),
            "orphanDependents" => self.option("orphanDependents", is_true.into()),
            _ => {}
        }
        Ok(())
    }

    fn option(&mut self, key: &str, value: Value) {
        let options = self.delete.get_or_insert_with(|| Value::Object(serde_json::Map::new()));
        crate::meta::as_map(options).insert(key.into(), value);
    }
}

fn number<T: std::str::FromStr>(value: &str) -> Result<T, Status> {
    let why = || Status::bad_request(format!("strconv.ParseInt: parsing {value:?}: invalid syntax"));
    value.parse().map_err(|_| why())
}

fn long_manager(options: &str) -> Status {
    let message = format!("Too long: may not be more than {LONGEST_MANAGER} bytes");
    Status::options(options, Cause { reason: "FieldValueTooLong", field: "fieldManager".into(), message })
}

fn unsupported(options: &str, field: &str, value: String, supported: &[&str]) -> Status {
    let list: Vec<String> = supported.iter().map(|s| format!("{s:?}")).collect();
    let message = format!("Unsupported value: {value}: supported values: {}", list.join(", "));
    Status::options(options, Cause { reason: "FieldValueNotSupported", field: field.into(), message })
}

fn validation(options: &str, value: &str) -> Result<Validation, Status> {
    match value {
        "Strict" => Ok(Validation::Strict),
        "Warn" | "" => Ok(Validation::Warn),
        "Ignore" => Ok(Validation::Ignore),
        other => {
            let supported = ["", "Ignore", "Strict", "Warn"];
            Err(unsupported(options, "fieldValidation", format!("{other:?}"), &supported))
        }
    }
}

/// What the real server calls the parameters of a request.
fn options(method: &Method) -> &'static str {
    match *method {
        Method::POST => "CreateOptions",
        Method::PUT => "UpdateOptions",
        Method::PATCH => "PatchOptions",
        Method::DELETE => "DeleteOptions",
        _ => "ListOptions",
    }
}

/// Finds what a path names.
pub(crate) fn target(state: &State, path: &str) -> Result<Target, Status> {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    let (group, version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return Err(Status::no_page()),
    };
    // Where nothing built in is served, the real server answers by a page.
    let is_builtin = state.tables.iter().any(|t| t.kind.group == group && t.kind.builtin().is_some());
    let missing = || if is_builtin { Status::no_resource() } else { Status::no_page() };
    let find = |plural: &str| {
        let found = state
            .tables
            .iter()
            .position(|t| *t.kind.plural == *plural && t.kind.group == group && t.kind.version == version);
        found.ok_or_else(missing)
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, plural, rest @ ..] if !matches!(*plural, "status" | "finalize") => {
            (*namespace, [&[*plural], rest].concat())
        }
        rest => ("", rest.to_vec()),
    };
    let [plural, rest @ ..] = rest.as_slice() else { return Err(Status::no_resource()) };
    let table = find(plural)?;
    let kind = state.tables.get(table).map(|t| t.kind.clone()).ok_or_else(Status::no_resource)?;
    if kind.namespaced && namespace.is_empty() && !rest.is_empty()
        || !kind.namespaced && !namespace.is_empty()
    {
        return Err(Status::no_resource());
    }
    let (name, subresource) = match rest {
        [] => (None, None),
        [name] => (Some(name.to_string()), None),
        [name, sub] => (Some(name.to_string()), Some(subresource(&kind, name, sub)?)),
        _ => return Err(Status::no_resource()),
    };
    Ok(Target { table, kind, namespace: namespace.into(), name, subresource })
}

fn subresource(kind: &Kind, object: &str, name: &str) -> Result<&'static str, Status> {
    match name {
        "status" if kind.status => Ok("status"),
        "scale" if kind.scale.is_some() => Ok("scale"),
        "binding" if kind.is(crate::kinds::Builtin::Pod) => Ok("binding"),
        "log"
        | "exec"
        | "attach"
        | "portforward"
        | "proxy"
        | "eviction"
        | "resize"
        | "ephemeralcontainers"
        | "finalize"
        | "token"
            if kind.builtin().is_some() =>
        {
            Err(Status::unsupported(format!("the subresource {name} of {}", kind.plural)))
        }
        _ if kind.builtin().is_none() => Err(Status::not_found(kind, object)),
        _ => Err(Status::no_resource()),
    }
}

/// Who wrote, for `managedFields`: a parameter, or the beginning of the client's name.
pub(crate) fn manager(query: &Query, headers: &http::HeaderMap) -> String {
    if !query.manager.is_empty() {
        return query.manager.clone();
    }
    let agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let name = agent.split('/').next().unwrap_or_default();
    if name.is_empty() { "unknown".into() } else { name.into() }
}
