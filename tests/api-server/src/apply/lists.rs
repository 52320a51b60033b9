//! What is known of a place in objects of a kind: how its value merges, and what is below it.

use serde_json::{Map, Value};

use super::kinds::{self, Before, Field, Type};
use crate::schema::{
    Schema,
    node::{Additional, Kind, ListType, Node},
};

/// How the lists and maps of a kind merge.
pub trait Lists {
    /// The place of the whole object.
    fn root(&self) -> Place<'_>;

    /// What an object has before anything is written to it.
    fn empty(&self) -> Value {
        Value::Object(Map::new())
    }
}

impl Lists for Schema {
    fn root(&self) -> Place<'_> {
        Place(Inner::Node { node: self.root_node(), keeps: false, is_root: true })
    }
}

/// One of Kubernetes' own kinds, by its name. Of a kind that is not known, maps merge and lists are replaced.
pub struct OwnKind(&'static Type);

impl OwnKind {
    /// The kind of this name, such as `Pod`.
    pub fn named(kind: &str) -> Self {
        OwnKind(kinds::of_kind(kind))
    }
}

impl Lists for OwnKind {
    fn root(&self) -> Place<'_> {
        Place(Inner::Type(self.0))
    }

    fn empty(&self) -> Value {
        before(self.0)
    }
}

fn before(of: &Type) -> Value {
    let value = |field: &Field| {
        Some(match field.before? {
            Before::Map => field.of.and_then(kinds::of).map_or_else(|| Value::Object(Map::new()), before),
            Before::Null => Value::Null,
            Before::Text => Value::String(String::new()),
        })
    };
    let fields = of.fields.iter().filter_map(|(name, field)| Some(((*name).to_owned(), value(field)?)));
    fields.collect::<Map<_, _>>().into()
}

/// A place in objects of a kind.
#[derive(Clone, Copy)]
pub struct Place<'a>(Inner<'a>);

#[derive(Clone, Copy)]
enum Inner<'a> {
    /// Nothing is known: maps merge and lists are replaced.
    Unknown,
    /// Below what is replaced as a whole.
    Whole,
    Node {
        node: &'a Node,
        keeps: bool,
        is_root: bool,
    },
    Type(&'static Type),
    Field(&'static Field),
}

/// How a value merges.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form<'a> {
    /// As a whole.
    Leaf,
    /// Field by field.
    Map,
    /// A list whose elements are their own keys.
    Set,
    /// A list of which each element has these fields for a key.
    Keyed(&'a [String]),
}

impl<'a> Place<'a> {
    pub(super) const WHOLE: Place<'static> = Place(Inner::Whole);

    fn unknown() -> Self {
        Place(Inner::Unknown)
    }

    /// How a value of this place merges.
    pub(super) fn form(self, value: &Value) -> Form<'a> {
        match value {
            Value::Object(_) => self.map(),
            Value::Array(_) => self.list(),
            Value::Null => self.null(),
            _ => Form::Leaf,
        }
    }

    fn map(self) -> Form<'a> {
        let whole = match self.0 {
            Inner::Unknown | Inner::Type(_) => false,
            Inner::Whole => true,
            Inner::Node { node, .. } => node.atomic_map,
            Inner::Field(field) => field.is_atomic,
        };
        if whole { Form::Leaf } else { Form::Map }
    }

    fn list(self) -> Form<'a> {
        match self.0 {
            Inner::Node { node, .. } => match &node.list_type {
                ListType::Atomic => Form::Leaf,
                ListType::Set => Form::Set,
                ListType::Map(keys) => Form::Keyed(keys),
            },
            Inner::Field(field) if field.is_set => Form::Set,
            Inner::Field(field) if !field.keys.is_empty() => Form::Keyed(&field.keys),
            _ => Form::Leaf,
        }
    }

    /// A null stands for an empty value of the one kind that the place has.
    fn null(self) -> Form<'a> {
        match self.0 {
            Inner::Node { node, .. } => match node.kind {
                Kind::Object | Kind::Any | Kind::IntOrString => self.map(),
                Kind::Array => self.list(),
                _ => Form::Leaf,
            },
            Inner::Field(_) if self.list() != Form::Leaf => self.list(),
            _ => self.map(),
        }
    }

    /// The place of a field.
    pub(super) fn field(self, name: &str) -> Self {
        match self.0 {
            Inner::Unknown => self,
            Inner::Whole => Place::WHOLE,
            Inner::Node { is_root: true, .. } if name == "metadata" => {
                kinds::of("ObjectMeta").map_or(Place::unknown(), |meta| Place(Inner::Type(meta)))
            }
            Inner::Node { node, keeps, .. } => {
                let keeps = keeps || node.preserve_unknown;
                match node.field(name) {
                    Some(node) => Place(Inner::Node { node, keeps, is_root: false }),
                    None => Place::unknown(),
                }
            }
            Inner::Type(of) => match of.fields.get(name) {
                Some(field) => Place(Inner::Field(field)),
                None => Place(Inner::Type(&kinds::PLAIN)),
            },
            Inner::Field(field) => {
                Place(Inner::Type(field.of.and_then(kinds::of).unwrap_or(&kinds::PLAIN))).field(name)
            }
        }
    }

    /// The place of a list's elements.
    pub(super) fn element(self) -> Self {
        match self.0 {
            Inner::Node { node, keeps, .. } => match node.items.as_deref() {
                Some(items) => {
                    Place(Inner::Node { node: items, keeps: keeps || node.preserve_unknown, is_root: false })
                }
                None => Place::WHOLE,
            },
            Inner::Field(field) if field.atomic_elements => Place::WHOLE,
            Inner::Field(field) => Place(Inner::Type(field.of.and_then(kinds::of).unwrap_or(&kinds::PLAIN))),
            _ => Place::WHOLE,
        }
    }

    /// Whether the kind names this field: keys of maps are not.
    pub(super) fn declares(self, name: &str) -> bool {
        match self.0 {
            Inner::Unknown | Inner::Whole => false,
            Inner::Node { is_root: true, .. } if ["apiVersion", "kind", "metadata"].contains(&name) => true,
            Inner::Node { node, .. } => node.properties.contains_key(name),
            // The table has what is not plain; the server knows Kubernetes' own fields.
            Inner::Type(_) | Inner::Field(_) => true,
        }
    }

    /// Whether a field of this name may be there.
    pub(super) fn takes(self, name: &str) -> bool {
        let Inner::Node { node, keeps, .. } = self.0 else { return true };
        let open = keeps || node.preserve_unknown || node.properties.is_empty();
        self.declares(name) || open || !matches!(node.additional, Additional::None)
    }

    /// The type that values must have, where the kind says one.
    pub(super) fn kind(self) -> Option<&'static str> {
        match self.0 {
            Inner::Node { node, .. } => Some(node.kind.declared()).filter(|kind| !kind.is_empty()),
            _ => None,
        }
    }

    /// What a key is where an element does not say it.
    pub(super) fn key_default(self, key: &str) -> Option<Value> {
        match self.0 {
            Inner::Node { node, .. } => node.items.as_ref()?.properties.get(key)?.default.clone(),
            Inner::Field(_) if key == "protocol" => Some("TCP".into()),
            _ => None,
        }
    }
}
