//! A write that is asked for, with all that the request says of it.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    apply,
    journal::Act,
    kinds::Form,
    meta,
    patch::Patch,
    request::{Target, Validation},
    server::Shared,
    status::Status,
    store::{Object, State},
};

/// A write, with all that the request says of it.
pub(crate) struct Asked<'a> {
    pub target: &'a Target,
    pub act: Act<'a>,
    pub manager: String,
    pub dry_run: bool,
    pub validation: Validation,
    pub now: Timestamp,
    /// Whether managedFields are kept.
    pub tracks: bool,
    /// Whether managedFields are those that an apply answered.
    pub is_apply: bool,
    /// The patch, which is told where it does not fit.
    pub patch: Option<Patch>,
    pub warnings: Vec<String>,
}

impl<'a> Asked<'a> {
    /// A write without any parameters.
    pub(crate) fn plain(shared: &Shared, target: &'a Target, act: Act<'a>) -> Self {
        Self {
            manager: act.user.to_string(),
            target,
            act,
            dry_run: false,
            validation: Validation::Ignore,
            now: shared.now(),
            tracks: shared.settings.managed_fields,
            is_apply: false,
            patch: None,
            warnings: Vec::new(),
        }
    }

    /// Keeps managedFields, or drops them.
    pub(crate) fn track(&self, before: Option<&Value>, after: &mut Value) {
        if self.is_apply {
            return;
        }
        if !self.tracks {
            meta::of(after).remove("managedFields");
            return;
        }
        let own;
        let kind = &self.target.kind;
        let lists: &dyn apply::Lists = match &kind.form {
            Form::Custom(schema) => &**schema,
            Form::Builtin(..) => {
                own = apply::OwnKind::named(&kind.kind);
                &own
            }
        };
        let update = apply::Update {
            manager: &self.manager,
            subresource: self.act.subresource.unwrap_or_default(),
            time: &meta::time(self.now),
            api_version: &kind.api_version,
            resets: self.resets(),
            lists,
        };
        apply::track(before, after, &update);
    }

    /// What the endpoint does not write.
    pub(crate) fn resets(&self) -> &'static [&'static str] {
        match self.act.subresource {
            Some("status") => &["spec"],
            None if self.target.kind.status => &["status"],
            _ => &[],
        }
    }

    /// The object that is asked for.
    pub(crate) fn live(&self, state: &State) -> Result<Arc<Object>, Status> {
        let name = self.target.name.as_deref().unwrap_or_default();
        let found = state.get(self.target.table, &self.target.namespace, name);
        found.ok_or_else(|| Status::not_found(&self.target.kind, name))
    }
}
