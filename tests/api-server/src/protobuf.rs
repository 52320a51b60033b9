//! Bodies in protobuf, in which kubectl sends what it makes of its arguments: decoded to JSON.

mod messages;
#[cfg(test)]
mod tests;
mod wire;

use serde_json::{Map, Value, json};

use crate::status::Status;
use messages::{Form, message};
use wire::{Field, fields};

/// The media type.
pub(crate) const MEDIA: &str = "application/vnd.kubernetes.protobuf";

/// What every such body begins with.
const MAGIC: &[u8] = b"k8s\0";

/// The object that a body is.
pub(crate) fn decode(body: &[u8]) -> Result<Value, Status> {
    let unreadable =
        |why: &str| Status::bad_request(format!("the protobuf of the body cannot be read: {why}"));
    let envelope = body.strip_prefix(MAGIC).ok_or_else(|| unreadable("it does not begin with k8s"))?;
    let (mut kind, mut raw) = (Value::Null, &[][..]);
    for (number, field) in fields(envelope).ok_or_else(|| unreadable("its envelope is broken"))? {
        match (number, field) {
            (1, Field::Bytes(bytes)) => kind = object("TypeMeta", bytes).map_err(Why::told)?,
            (2, Field::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let name = kind["kind"].as_str().unwrap_or_default();
    let mut decoded = object(name, raw).map_err(Why::told)?;
    for key in ["apiVersion", "kind"] {
        decoded[key] = kind[key].clone();
    }
    Ok(decoded)
}

/// Why something was not decoded.
enum Why {
    Broken(String),
    /// A real server knows it.
    Unknown(String),
}

impl Why {
    fn told(self) -> Status {
        match self {
            Self::Broken(name) => Status::bad_request(format!("the protobuf of a {name} is broken")),
            Self::Unknown(what) => Status::unsupported_media_type(format!(
                "this API server in memory does not support {what} in protobuf, only in application/json"
            )),
        }
    }
}

fn object(name: &str, bytes: &[u8]) -> Result<Value, Why> {
    let known = message(name).ok_or_else(|| Why::Unknown(name.into()))?;
    let broken = || Why::Broken(name.into());
    let mut object = Map::new();
    for (number, field) in fields(bytes).ok_or_else(broken)? {
        let (_, key, form) = known
            .iter()
            .find(|(n, ..)| *n == number)
            .ok_or_else(|| Why::Unknown(format!("field {number} of {name}")))?;
        match form {
            Form::Map(of) => {
                let Field::Bytes(entry) = field else { return Err(broken()) };
                let (entry, item) = pair(of, entry).ok_or_else(broken)??;
                crate::meta::as_map(object.entry(*key).or_insert(Value::Null)).insert(entry, item);
            }
            Form::Each(of) => {
                let item = value(of, field).ok_or_else(broken)??;
                match object.entry(*key).or_insert_with(|| json!([])) {
                    Value::Array(list) => list.extend(item),
                    _ => return Err(broken()),
                }
            }
            form => {
                if let Some(value) = value(form, field).ok_or_else(broken)?? {
                    object.insert((*key).into(), value);
                }
            }
        }
    }
    Ok(Value::Object(object))
}

/// One entry of a map.
fn pair(of: &Form, entry: &[u8]) -> Option<Result<(String, Value), Why>> {
    let (mut key, mut item) = (String::new(), Ok(None));
    for (number, field) in fields(entry)? {
        match (number, field) {
            (1, Field::Bytes(bytes)) => key = String::from_utf8(bytes.to_vec()).ok()?,
            (2, field) => item = value(of, field)?,
            _ => return None,
        }
    }
    Some(item.map(|item| (key, item.unwrap_or(json!("")))))
}

type Decoded = Result<Option<Value>, Why>;

/// One value; nothing where Go's JSON leaves it out, and `None` where the wire has something else than was expected.
fn value(form: &Form, field: Field<'_>) -> Option<Decoded> {
    let told = |value: Option<Value>| Some(Ok(value));
    match (form, field) {
        (Form::Text, Field::Bytes(bytes)) => {
            let text = std::str::from_utf8(bytes).ok()?;
            told((!text.is_empty()).then(|| json!(text)))
        }
        (Form::Item, Field::Bytes(bytes)) => told(Some(json!(std::str::from_utf8(bytes).ok()?))),
        (Form::Bytes, Field::Bytes(bytes)) => {
            use base64::Engine;
            told(Some(json!(base64::prelude::BASE64_STANDARD.encode(bytes))))
        }
        (Form::Number, Field::Number(0)) | (Form::Flag, Field::Number(0)) => told(None),
        (Form::Number | Form::Pointer, Field::Number(number)) => told(Some(json!(number.cast_signed()))),
        (Form::Flag | Form::FlagPointer, Field::Number(number)) => told(Some(json!(number != 0))),
        (Form::Of(name), Field::Bytes(bytes)) => Some(object(name, bytes).map(Some)),
        (Form::Quantity, Field::Bytes(bytes)) => told(Some(first(bytes, 1)?)),
        (Form::Time, Field::Bytes(bytes)) => {
            let seconds = first(bytes, 1).and_then(|s| s.as_i64()).filter(|s| *s != 0);
            let at = seconds.and_then(|s| jiff::Timestamp::from_second(s).ok());
            told(at.map(|at| json!(crate::meta::time(at))))
        }
        (Form::IntOrString, Field::Bytes(bytes)) => {
            let is_text = first(bytes, 1) == Some(json!(1));
            told(Some(first(bytes, if is_text { 3 } else { 2 }).unwrap_or(json!(0))))
        }
        _ => None,
    }
}

/// A field of a message that is written as one value.
fn first(bytes: &[u8], wanted: u32) -> Option<Value> {
    let (_, field) = fields(bytes)?.into_iter().find(|(number, _)| *number == wanted)?;
    match field {
        Field::Number(number) => Some(json!(number.cast_signed())),
        Field::Bytes(bytes) => Some(json!(std::str::from_utf8(bytes).ok()?)),
    }
}
