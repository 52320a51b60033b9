//! What is served: the built-in kinds, and those that a CustomResourceDefinition describes.

mod builtin;

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

pub(crate) use builtin::all as builtin;

use crate::{openapi::Described, schema::Schema, shape::Shape, status::Status, table::Columns};

/// One resource in its one served version.
pub(crate) struct Kind {
    pub group: String,
    pub version: String,
    pub api_version: String,
    pub kind: String,
    pub plural: Arc<str>,
    pub singular: String,
    pub short: Vec<String>,
    pub categories: Vec<String>,
    /// The resource with its group, as messages have it.
    pub qualified: String,
    pub namespaced: bool,
    /// Whether it has the subresource `status`.
    pub status: bool,
    pub scale: Option<Scale>,
    pub form: Form,
    /// The columns of its tables, where it is a custom one.
    #[cfg_attr(not(feature = "kubectl"), expect(dead_code, reason = "there are no tables"))]
    pub columns: Columns,
    /// What its documents are made of.
    #[cfg_attr(not(feature = "kubectl"), expect(dead_code, reason = "there are no documents"))]
    pub described: Described,
}

/// Where a kind keeps what the subresource `scale` shows, as JSON pointers.
#[derive(Debug)]
pub(crate) struct Scale {
    pub spec: String,
    pub status: String,
    pub selector: Option<String>,
}

/// How objects of a kind are checked.
pub(crate) enum Form {
    /// Typed, with rules of its own.
    Builtin(Builtin, LazyLock<Shape>),
    /// By a schema.
    Custom(Arc<Schema>),
}

/// The built-in kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builtin {
    Namespace,
    Pod,
    Service,
    Event,
    ConfigMap,
    Secret,
    ServiceAccount,
    Node,
    ResourceQuota,
    Lease,
    Deployment,
    ReplicaSet,
    Definition,
}

impl Kind {
    pub(crate) fn builtin(&self) -> Option<Builtin> {
        match self.form {
            Form::Builtin(builtin, _) => Some(builtin),
            Form::Custom(_) => None,
        }
    }

    pub(crate) fn is(&self, builtin: Builtin) -> bool {
        self.builtin() == Some(builtin)
    }

    /// Whether a replacement makes what is not there.
    pub(crate) fn is_made_by_updates(&self) -> bool {
        matches!(self.builtin(), Some(Builtin::Lease | Builtin::Event | Builtin::Service))
    }

    /// Whether a replacement without a version is taken.
    pub(crate) fn takes_blind_updates(&self) -> bool {
        self.builtin().is_some()
    }

    /// Whether objects of the kind count the changes of their specification.
    pub(crate) fn has_generation(&self) -> bool {
        use Builtin::{Definition, Deployment, Pod, ReplicaSet};
        self.builtin().is_none_or(|b| matches!(b, Pod | Deployment | ReplicaSet | Definition))
    }

    /// The kind that a definition describes.
    pub(crate) fn of_definition(crd: &Value) -> Result<Self, Status> {
        let text = |at: &str| crd.pointer(at).and_then(Value::as_str).map(String::from);
        let need = |at: &str| {
            let field = at.trim_start_matches('/').replace('/', ".");
            text(at).ok_or_else(|| Status::bad_request(format!("the definition lacks {field}")))
        };
        let versions = crd.pointer("/spec/versions").and_then(Value::as_array);
        let served: Vec<&Value> =
            versions.into_iter().flatten().filter(|v| v["served"] == json!(true)).collect();
        let [version] = served.as_slice() else {
            return Err(Status::unsupported("definitions that serve other than one version"));
        };
        let name = version["name"].as_str().unwrap_or_default().to_string();
        let schema = Schema::of(crd, &name).map_err(|e| Status::bad_request(e.to_string()))?;
        let (group, plural) = (need("/spec/group")?, need("/spec/names/plural")?);
        let kind = need("/spec/names/kind")?;
        let texts = |at: &str| {
            let list = crd.pointer(at).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(|v| v.as_str().map(String::from)).collect()
        };
        Ok(Self {
            api_version: format!("{group}/{name}"),
            qualified: format!("{plural}.{group}"),
            singular: text("/spec/names/singular").unwrap_or_else(|| kind.to_lowercase()),
            short: texts("/spec/names/shortNames"),
            categories: texts("/spec/names/categories"),
            namespaced: need("/spec/scope")? == "Namespaced",
            status: version.pointer("/subresources/status").is_some(),
            scale: version.pointer("/subresources/scale").and_then(scale),
            form: Form::Custom(Arc::new(schema)),
            columns: Columns::of(version),
            described: Described::custom(
                version.pointer("/schema/openAPIV3Schema").cloned().unwrap_or_default(),
            ),
            plural: plural.into(),
            version: name,
            group,
            kind,
        })
    }
}

fn scale(of: &Value) -> Option<Scale> {
    let pointer = |key: &str| of[key].as_str().map(|path| path.replace('.', "/"));
    Some(Scale {
        spec: pointer("specReplicasPath")?,
        status: pointer("statusReplicasPath")?,
        selector: pointer("labelSelectorPath"),
    })
}
