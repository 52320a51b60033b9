//! JSON values as YAML text, sorted by key so that the text depends on the value alone.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What YAML 1.1 readers take for something else than a string.
const RESERVED: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

/// The value as a YAML document in block style.
pub(super) fn document(value: &Value) -> String {
    let mut out = String::new();
    write_node(&mut out, value, 0);
    out
}

fn write_node(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => write_map(out, map, indent),
        Value::Array(list) if !list.is_empty() => write_list(out, list, indent),
        scalar => {
            out.push_str(&scalar_text(scalar));
            out.push('\n');
        }
    }
}

fn write_map(out: &mut String, map: &Map<String, Value>, indent: usize) {
    for (key, value) in map.iter().collect::<BTreeMap<_, _>>() {
        pad(out, indent);
        out.push_str(&string_text(key));
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push_str(":\n");
                write_map(out, inner, indent + 2);
            }
            Value::Array(inner) if !inner.is_empty() => {
                out.push_str(":\n");
                write_list(out, inner, indent);
            }
            scalar => {
                out.push_str(": ");
                write_node(out, scalar, indent);
            }
        }
    }
}

fn write_list(out: &mut String, list: &[Value], indent: usize) {
    for value in list {
        let mut item = String::new();
        write_node(&mut item, value, indent + 2);
        pad(out, indent);
        out.push_str("- ");
        out.push_str(item.trim_start_matches(' '));
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn scalar_text(value: &Value) -> String {
    match value {
        Value::String(text) => string_text(text),
        // Numbers, booleans, null, {} and [] are written alike in JSON and YAML.
        other => other.to_string(),
    }
}

fn string_text(text: &str) -> String {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || " -_./(),;+<>='`*".contains(c));
    let reserved = RESERVED.contains(&text.to_ascii_lowercase().as_str());
    if first && plain && !reserved && !text.ends_with(' ') {
        text.to_owned()
    } else {
        // A JSON string is a double-quoted YAML scalar.
        Value::String(text.to_owned()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::document;

    #[test]
    fn what_is_written_reads_back_equal() {
        let value = json!({
            "words": ["True", "no", "null", "1.5", "a: b", "a #b", "- a", "", " a", "a ", "ü\n\"\\", "'q'"],
            "on": true, "n": -3, "f": 0.5, "nothing": null,
            "empty": {"map": {}, "list": [], "string": ""},
            "nested": [[1, [2]], [], {"a": [{"b": {}}, {"c": 1, "d": [null]}]}],
            "$ref/x.y": {"z": {"y": {"x": "w"}}},
        });
        let text = document(&value);
        let back: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(back, value, "{text}");
    }

    #[test]
    fn keys_are_sorted() {
        let text = document(&json!({"b": 1, "a": {"d": 1, "c": 2}}));
        assert_eq!(text, "a:\n  c: 2\n  d: 1\nb: 1\n");
    }
}
