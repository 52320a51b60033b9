//! Requests without HTTP: what a simulated world asks of the server.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    asked::Asked,
    binding, create, delete,
    journal::{Act, Verb},
    kinds::Builtin,
    patch::Patch,
    request::Target,
    scale,
    selector::Selector,
    server::Shared,
    status::Status,
    store::State,
    update::{self, Edit, Way},
};

/// What becomes of what an object owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// It goes after the object.
    Background,
    /// It goes before the object.
    Foreground,
    /// It stays.
    Orphan,
}

/// How to delete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// `gracePeriodSeconds`.
    pub grace: Option<i64>,
    /// Only if it has this UID.
    pub uid: Option<String>,
    /// Only if it is at this version.
    pub resource_version: Option<String>,
    /// `propagationPolicy`.
    pub propagation: Option<Propagation>,
}

/// One request.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // The names are those of the API.
pub enum Call {
    /// Creates an object.
    Create { resource: &'static str, namespace: String, body: Value },
    /// Replaces an object, or a subresource of it.
    Replace {
        resource: &'static str,
        namespace: String,
        name: String,
        subresource: Option<&'static str>,
        body: Value,
    },
    /// Changes an object, or a subresource of it, by a JSON merge patch.
    MergePatch {
        resource: &'static str,
        namespace: String,
        name: String,
        subresource: Option<&'static str>,
        patch: Value,
    },
    /// Gives a pod its node.
    Bind { namespace: String, name: String, node: String },
    /// Deletes an object.
    Delete { resource: &'static str, namespace: String, name: String, options: DeleteOptions },
    /// Reads an object.
    Get { resource: &'static str, namespace: String, name: String },
    /// Lists objects.
    List { resource: &'static str, namespace: Option<String>, labels: String, fields: String },
}

/// Carries it out.
pub(crate) fn run(shared: &Shared, user: &str, call: Call) -> Result<Arc<Value>, Status> {
    let mut state = shared.lock();
    let state = &mut *state;
    let act = |verb, subresource| Act::new(user, verb, subresource);
    match call {
        Call::Create { resource, namespace, body } => {
            let target = target(state, resource, namespace, None)?;
            let mut asked = Asked::plain(shared, &target, act(Verb::Create, None));
            create::create(state, &mut asked, with_kind(&target, body)).map(|o| o.value.clone())
        }
        Call::Replace { resource, namespace, name, subresource, body } => {
            let target = part(target(state, resource, namespace, Some(name))?, subresource)?;
            let mut asked = Asked::plain(shared, &target, act(Verb::Update, subresource));
            write(state, &mut asked, &Write::Replace(with_kind(&target, body)))
        }
        Call::MergePatch { resource, namespace, name, subresource, patch } => {
            let target = part(target(state, resource, namespace, Some(name))?, subresource)?;
            let mut asked = Asked::plain(shared, &target, act(Verb::Update, subresource));
            write(state, &mut asked, &Write::Patch(Patch::Merge(patch)))
        }
        Call::Bind { namespace, name, node } => {
            let body = json!({"metadata": {"name": name}, "target": {"name": node}});
            let target = target(state, "pods", namespace, Some(name))?;
            let asked = Asked::plain(shared, &target, act(Verb::Update, Some("binding")));
            crate::binding::bind(state, &asked, &body).map(|o| o.value.clone())
        }
        Call::Delete { resource, namespace, name, options } => {
            let target = target(state, resource, namespace, Some(name))?;
            let mut asked = Asked::plain(shared, &target, act(Verb::Delete, None));
            delete::delete(state, &mut asked, &options).map(|d| d.object.value.clone())
        }
        Call::Get { resource, namespace, name } => {
            let target = target(state, resource, namespace, Some(name))?;
            let asked = Asked::plain(shared, &target, act(Verb::Update, None));
            asked.live(state).map(|o| o.value.clone())
        }
        Call::List { resource, namespace, labels, fields } => {
            let target = target(state, resource, namespace.unwrap_or_default(), None)?;
            let selector = Selector::parse(&target.kind, &labels, &fields)?;
            let objects = crate::list::selected(state, &target, &selector);
            let items: Vec<Value> = objects.iter().map(|o| (*o.value).clone()).collect();
            Ok(Arc::new(json!({
                "apiVersion": target.kind.api_version, "kind": format!("{}List", target.kind.kind),
                "metadata": {"resourceVersion": state.version.to_string()}, "items": items,
            })))
        }
    }
}

/// A new version of something.
pub(crate) enum Write {
    Replace(Value),
    Patch(Patch),
}

/// Replaces or patches an object or a subresource of it, and answers what was asked for.
pub(crate) fn write(state: &mut State, asked: &mut Asked<'_>, write: &Write) -> Result<Arc<Value>, Status> {
    if let (Some("binding"), Write::Replace(body)) = (asked.target.subresource, write) {
        return binding::bind(state, asked, body).map(|o| o.value.clone());
    }
    if asked.target.subresource == Some("scale") {
        return scale::write(state, asked, write).map(Arc::new);
    }
    let live = asked.live(state);
    let (new, way) = match write {
        Write::Replace(body) => {
            let given = crate::meta::text(body, "name");
            if !given.is_empty() && Some(given) != asked.target.name.as_deref() {
                return Err(update::other_name(asked, given));
            }
            (body.clone(), Way::Replace)
        }
        Write::Patch(patch) => {
            asked.patch = Some(patch.clone());
            (patch.on(&live.as_ref().map_err(Clone::clone)?.value)?, Way::Patch)
        }
    };
    let live = match live {
        // These may be made by a replacement.
        Err(_) if way == Way::Replace && asked.target.kind.is_made_by_updates() => {
            asked.act.verb = Verb::Create;
            return create::create(state, asked, new).map(|o| o.value.clone());
        }
        live => live?,
    };
    update::update(state, asked, Edit { live: &live, new, way }).map(|o| o.value.clone())
}

fn with_kind(target: &Target, mut body: Value) -> Value {
    let map = crate::meta::as_map(&mut body);
    crate::meta::or_put(map, "apiVersion", target.kind.api_version.as_str());
    crate::meta::or_put(map, "kind", target.kind.kind.as_str());
    body
}

fn target(state: &State, resource: &str, namespace: String, name: Option<String>) -> Result<Target, Status> {
    let table = state.table(resource).ok_or_else(Status::no_resource)?;
    let kind = state.tables.get(table).map(|t| t.kind.clone()).ok_or_else(Status::no_resource)?;
    Ok(Target { table, kind, namespace, name, subresource: None })
}

/// The target of a subresource of an object, or of the object itself.
fn part(target: Target, subresource: Option<&'static str>) -> Result<Target, Status> {
    let kind = &target.kind;
    let is_there = match subresource {
        None => true,
        Some("status") => kind.status,
        Some("scale") => kind.scale.is_some(),
        // For a scheduler without HTTP: to replace a binding is to make it.
        Some("binding") => kind.is(Builtin::Pod),
        Some(_) => false,
    };
    if !is_there {
        return Err(Status::no_resource());
    }
    Ok(Target { subresource, ..target })
}
