//! The shape of a built-in kind: decoding as Go's JSON decoder does it, with unknown fields dropped and told.

mod build;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Number, Value};

use crate::quantity::Quantity;

/// The shape of one kind, with those of all types that it is made of.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    types: Arc<Vec<Struct>>,
    root: usize,
}

#[derive(Debug, Default)]
struct Struct {
    /// Go's name of the type.
    name: String,
    fields: BTreeMap<String, Node>,
}

#[derive(Clone, Debug)]
enum Node {
    Any,
    /// Go's name, and whether Go leaves it out when it is empty.
    Text(&'static str, bool),
    /// Whether Go leaves it out when it is false.
    Bool(bool),
    Integer(&'static str),
    Number,
    Quantity,
    IntOrString,
    /// Whether with microseconds.
    Time(bool),
    Bytes,
    Struct(usize),
    List(Box<Node>),
    Map(Box<Node>),
}

/// Where the decoder is.
struct At<'a> {
    owner: &'a str,
    /// Field names only, as Go tells them.
    fields: String,
    /// With indexes.
    path: String,
}

type Decoded = Result<(), String>;

impl Shape {
    /// Decodes in place. Answers the paths of unknown fields, or what Go says of a value of the wrong type.
    pub(crate) fn decode(&self, value: &mut Value) -> Result<Vec<String>, String> {
        let mut at = At { owner: &self.types[self.root].name, fields: String::new(), path: String::new() };
        let mut unknown = Vec::new();
        self.node(&Node::Struct(self.root), value, &mut at, &mut unknown)?;
        Ok(unknown)
    }

    fn node<'a>(
        &'a self,
        node: &'a Node,
        value: &mut Value,
        at: &mut At<'a>,
        unknown: &mut Vec<String>,
    ) -> Decoded {
        match (node, &mut *value) {
            (Node::Struct(index), Value::Object(map)) => self.object(*index, map, at, unknown),
            (Node::List(of), Value::Array(list)) => {
                let length = at.path.len();
                for (i, item) in list.iter_mut().enumerate() {
                    use std::fmt::Write as _;
                    let _ = write!(at.path, "[{i}]");
                    self.node(of, item, at, unknown)?;
                    at.path.truncate(length);
                }
                Ok(())
            }
            (Node::Map(of), Value::Object(map)) => {
                let length = at.path.len();
                for (key, item) in map.iter_mut() {
                    at.path.push('.');
                    at.path.push_str(key);
                    self.node(of, item, at, unknown)?;
                    at.path.truncate(length);
                }
                Ok(())
            }
            _ => self.leaf(node, value, at),
        }
    }

    fn leaf(&self, node: &Node, value: &mut Value, at: &At<'_>) -> Decoded {
        let fits = match node {
            Node::Any => true,
            Node::Text(..) => value.is_string(),
            Node::Bool(_) => value.is_boolean(),
            Node::Integer(of) => {
                if let Some(whole) = value.as_f64().filter(|f| f.fract() == 0.0 && value.is_f64()) {
                    *value = Value::Number(Number::from(whole as i64));
                }
                let wide = value.as_i64();
                if *of == "int32" { wide.is_some_and(|n| i32::try_from(n).is_ok()) } else { wide.is_some() }
            }
            Node::Number => value.is_number(),
            Node::IntOrString => {
                let number = value.as_i64().is_some_and(|n| i32::try_from(n).is_ok());
                number || value.is_string()
            }
            Node::Time(micro) => return time(value, *micro),
            Node::Bytes => return bytes(value),
            Node::Quantity => return quantity(value),
            Node::Struct(_) | Node::List(_) | Node::Map(_) => false,
        };
        if fits {
            return Ok(());
        }
        let to = match (at.owner, at.fields.as_str()) {
            (owner, "") => format!("Go value of type v1.{owner}"),
            (owner, fields) => format!("Go struct field {owner}.{fields} of type {}", self.go(node)),
        };
        Err(format!("json: cannot unmarshal {} into {to}", told(value, node)))
    }

    fn object<'a>(
        &'a self,
        index: usize,
        map: &mut Map<String, Value>,
        at: &mut At<'a>,
        unknown: &mut Vec<String>,
    ) -> Decoded {
        let of = &self.types[index];
        let (outer, fields, path) = (at.owner, at.fields.len(), at.path.len());
        let (mut dropped, mut strange) = (false, Vec::new());
        at.owner = &of.name;
        for (key, item) in map.iter_mut() {
            let Some(node) = of.fields.get(key) else {
                strange.push(key.clone());
                continue;
            };
            if item.is_null() {
                dropped = true;
                continue;
            }
            for (text, length) in [(&mut at.fields, fields), (&mut at.path, path)] {
                if length > 0 {
                    text.push('.');
                }
                text.push_str(key);
            }
            self.node(node, item, at, unknown)?;
            if is_left_out(node, item) {
                *item = Value::Null;
                dropped = true;
            }
            at.fields.truncate(fields);
            at.path.truncate(path);
        }
        at.owner = outer;
        for key in strange {
            map.remove(&key);
            unknown.push(if path > 0 { format!("{}.{key}", at.path) } else { key });
        }
        if dropped {
            map.retain(|_, item| !item.is_null());
        }
        Ok(())
    }

    fn go(&self, node: &Node) -> String {
        match node {
            Node::Any | Node::Time(_) | Node::Quantity => "interface {}".into(),
            Node::Text(name, _) | Node::Integer(name) => (*name).into(),
            Node::Bytes => "[]uint8".into(),
            Node::Bool(_) => "bool".into(),
            Node::Number => "float64".into(),
            Node::IntOrString => "intstr.IntOrString".into(),
            Node::Struct(index) => format!("v1.{}", self.types[*index].name),
            Node::List(of) => format!("[]{}", self.go(of)),
            Node::Map(of) if matches!(**of, Node::Quantity) => "v1.ResourceList".into(),
            Node::Map(of) => format!("map[string]{}", self.go(of)),
        }
    }
}

/// What Go leaves out when it writes an object.
fn is_left_out(node: &Node, value: &Value) -> bool {
    match (node, value) {
        (Node::List(_), Value::Array(list)) => list.is_empty(),
        (Node::Map(_), Value::Object(map)) => map.is_empty(),
        (Node::Text(_, true), Value::String(text)) => text.is_empty(),
        (Node::Bool(true), Value::Bool(value)) => !value,
        _ => false,
    }
}

/// What Go calls a value.
fn told(value: &Value, node: &Node) -> String {
    match value {
        Value::Number(n) if matches!(node, Node::Integer(_)) => format!("number {n}"),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Bool(_) => "bool".into(),
        Value::Array(_) => "array".into(),
        Value::Object(_) => "object".into(),
        Value::Null => "null".into(),
    }
}

/// Times get the one form that the API server writes.
fn time(value: &mut Value, micro: bool) -> Decoded {
    let Some(text) = value.as_str() else {
        return Err(format!(
            "json: cannot unmarshal {} into Go value of type string",
            told(value, &Node::Any)
        ));
    };
    let layout = if micro { "2006-01-02T15:04:05.000000Z07:00" } else { "2006-01-02T15:04:05Z07:00" };
    let Ok(at) = text.parse::<jiff::Timestamp>() else {
        return Err(format!("parsing time {text:?} as {layout:?}: cannot parse {text:?} as \"2006\""));
    };
    if !micro {
        *value = Value::String(crate::meta::time(at));
        return Ok(());
    }
    let rest = text.get(19..).unwrap_or_default();
    let digits = rest.strip_prefix('.').map_or(0, |r| r.bytes().take_while(u8::is_ascii_digit).count());
    if digits != 6 {
        return Err(format!("parsing time {text:?} as {layout:?}: cannot parse {rest:?} as \".000000\""));
    }
    *value = Value::String(format!("{at:.6}"));
    Ok(())
}

fn bytes(value: &Value) -> Decoded {
    let is_base64 = serde_json::from_value::<k8s_openapi::ByteString>(value.clone()).is_ok();
    if is_base64 { Ok(()) } else { Err("illegal base64 data at input byte 0".into()) }
}

/// Numbers become text, and text the one form of each quantity.
fn quantity(value: &mut Value) -> Decoded {
    let text = match &*value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => other.to_string(),
    };
    let parsed = Quantity::parse(&text)?;
    *value = Value::String(parsed.to_string());
    Ok(())
}
