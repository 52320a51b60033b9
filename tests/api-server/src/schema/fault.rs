//! What is wrong with an object, in the API server's words.

use serde_json::Value;

use super::{Cause, text};

/// What is wrong with a field, as Kubernetes' `field.ErrorType`: the reason, and the words before the value.
struct ErrorType {
    reason: &'static str,
    words: &'static str,
}

impl ErrorType {
    /// A fault at a field, with the value as it is written and what is wrong with it.
    fn at(self, field: String, value: &str, detail: &str) -> Cause {
        let mut message = self.words.to_owned();
        for part in [value, detail] {
            if !part.is_empty() {
                message.push_str(": ");
                message.push_str(part);
            }
        }
        Cause { reason: self.reason, field, message }
    }
}

/// A value that is wrong, already written out.
pub(super) fn invalid(field: String, value: &str, detail: &str) -> Cause {
    ErrorType { reason: "FieldValueInvalid", words: "Invalid value" }.at(field, value, detail)
}

/// A value of the wrong type.
pub(super) fn type_invalid(field: String, value: &str, detail: &str) -> Cause {
    let value = text::quoted(value);
    ErrorType { reason: "FieldValueTypeInvalid", words: "Invalid value" }.at(field, &value, detail)
}

/// A value that is missing.
pub(super) fn required(field: String, detail: &str) -> Cause {
    ErrorType { reason: "FieldValueRequired", words: "Required value" }.at(field, "", detail)
}

/// A value that must not be there.
pub(super) fn forbidden(field: String, detail: &str) -> Cause {
    ErrorType { reason: "FieldValueForbidden", words: "Forbidden" }.at(field, "", detail)
}

/// A value that is there twice.
pub(super) fn duplicate(field: String, value: &str) -> Cause {
    ErrorType { reason: "FieldValueDuplicate", words: "Duplicate value" }.at(field, value, "")
}

/// A value that is none of a list.
pub(super) fn not_supported(field: String, value: &Value, supported: &[Value]) -> Cause {
    let name = |value: &Value| match value {
        Value::String(text) => text::quoted(text),
        other => text::quoted(&text::json(other)),
    };
    let names: Vec<String> = supported.iter().map(name).collect();
    let detail = format!("supported values: {}", names.join(", "));
    let value = text::value(value);
    ErrorType { reason: "FieldValueNotSupported", words: "Unsupported value" }.at(field, &value, &detail)
}

/// A text that is too long; the text is not told.
pub(super) fn too_long(field: String, most: u64) -> Cause {
    let unit = if most == 1 { "byte" } else { "bytes" };
    let detail = format!("may not be more than {most} {unit}");
    ErrorType { reason: "FieldValueTooLong", words: "Too long" }.at(field, "", &detail)
}

/// Too many elements or fields.
pub(super) fn too_many(field: String, count: usize, most: u64) -> Cause {
    let unit = if most == 1 { "item" } else { "items" };
    let detail = format!("must have at most {most} {unit}");
    ErrorType { reason: "FieldValueTooMany", words: "Too many" }.at(field, &count.to_string(), &detail)
}

/// What the API server tells when it does not ask the rules.
pub(super) fn rules_not_checked() -> Cause {
    const DETAIL: &str = "some validation rules were not checked because the object was invalid; correct the existing \
                          errors to complete validation";
    invalid("<nil>".to_owned(), "null", DETAIL)
}
