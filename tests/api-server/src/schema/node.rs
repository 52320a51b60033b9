//! One node of a structural schema, compiled: what the walks over objects look at.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{formats::Format, pattern::Pattern, rules::Rule};

/// What kind of value a node describes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Any,
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
    IntOrString,
}

impl Kind {
    /// The name in messages and in values of rules; none where a schema says no type.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::IntOrString => "integer,string",
        }
    }

    /// `type` as the schema has it: an int-or-string has none.
    pub(crate) fn declared(self) -> &'static str {
        if self == Self::IntOrString { "" } else { self.name() }
    }

    pub(super) fn takes_numbers(self) -> bool {
        matches!(self, Self::Integer | Self::Number | Self::IntOrString)
    }
}

/// `additionalProperties`.
#[derive(Default)]
pub(crate) enum Additional {
    #[default]
    None,
    /// `true` or `false`: keys are kept, and nothing is known below them.
    Any,
    Schema(Box<Node>),
}

/// `x-kubernetes-list-type`.
#[derive(Default)]
pub(crate) enum ListType {
    #[default]
    Atomic,
    Set,
    /// With `x-kubernetes-list-map-keys`.
    Map(Vec<String>),
}

/// What stands in a node or below it, so that a walk can leave the rest alone.
#[derive(Clone, Copy, Default)]
pub(super) struct Below {
    pub defaults: bool,
    pub keyed_lists: bool,
    pub rules: bool,
}

impl Below {
    pub(super) fn add(&mut self, other: Self) {
        self.defaults |= other.defaults;
        self.keyed_lists |= other.keyed_lists;
        self.rules |= other.rules;
    }
}

/// A limit, and whether it is itself outside.
pub(super) struct Bound {
    pub limit: f64,
    pub exclusive: bool,
}

/// What is checked beside the type.
#[derive(Default)]
pub(super) struct Checks {
    pub required: Vec<String>,
    pub one_of_values: Vec<Value>,
    pub minimum: Option<Bound>,
    pub maximum: Option<Bound>,
    pub multiple_of: Option<f64>,
    pub min_length: Option<u64>,
    pub max_length: Option<u64>,
    pub pattern: Option<Pattern>,
    pub min_items: Option<u64>,
    pub max_items: Option<u64>,
    pub min_properties: Option<u64>,
    pub max_properties: Option<u64>,
    pub all_of: Vec<Node>,
    pub any_of: Vec<Node>,
    pub one_of: Vec<Node>,
    pub not: Option<Node>,
}

impl Checks {
    pub(super) fn combines(&self) -> bool {
        !(self.all_of.is_empty() && self.any_of.is_empty() && self.one_of.is_empty() && self.not.is_none())
    }
}

/// A node.
pub(crate) struct Node {
    pub kind: Kind,
    pub nullable: bool,
    pub preserve_unknown: bool,
    pub default: Option<Value>,
    pub properties: BTreeMap<String, Node>,
    pub additional: Additional,
    pub items: Option<Box<Node>>,
    pub list_type: ListType,
    /// `x-kubernetes-map-type: atomic`.
    pub atomic_map: bool,
    pub(super) format: Option<Format>,
    pub(super) checks: Option<Box<Checks>>,
    pub(super) rules: Vec<Rule>,
    pub(super) below: Below,
}

impl Node {
    /// The schema of a field, as the walks that know no "any" see it.
    pub(crate) fn field(&self, name: &str) -> Option<&Node> {
        self.properties.get(name).or(match &self.additional {
            Additional::Schema(node) => Some(node),
            _ => None,
        })
    }
}
