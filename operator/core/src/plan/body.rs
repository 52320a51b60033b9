//! Bodies of objects that differ in their name alone: written as JSON once, and shared.

use serde::Serialize;

/// The JSON of an object without its name, which stands between each two pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedBody {
    /// Hash of the user's part of the template that it was made from.
    pub hash: String,
    pieces: Vec<String>,
}

impl SharedBody {
    /// Writes `object`, in which `stand_in` stands wherever the name belongs. A stand-in of letters, digits and
    /// `-` is written as it is.
    pub fn new(hash: String, object: &impl Serialize, stand_in: &str) -> Self {
        // What has texts as keys can be written.
        let text = serde_json::to_string(object).unwrap_or_default();
        Self { hash, pieces: text.split(stand_in).map(String::from).collect() }
    }

    /// The whole JSON of the object with this name, which is one that Kubernetes gives out: nothing in it needs
    /// to be escaped.
    pub fn named(&self, name: &str) -> String {
        self.pieces.join(name)
    }

    /// Bytes of the JSON with this name.
    pub fn size(&self, name: &str) -> usize {
        let text: usize = self.pieces.iter().map(String::len).sum();
        text + name.len() * self.pieces.len().saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_name_stands_wherever_it_belongs() {
        let body = SharedBody::new(
            "hash".into(),
            &json!({"metadata": {"name": "stand-in"}, "spec": {"env": [{"name": "N", "value": "stand-in"}]}}),
            "stand-in",
        );
        let whole = body.named("w-1");
        assert_eq!(whole.len(), body.size("w-1"));
        let whole: Value = serde_json::from_str(&whole).unwrap();
        assert_eq!(whole["metadata"]["name"], "w-1");
        assert_eq!(whole["spec"]["env"][0], json!({"name": "N", "value": "w-1"}));
    }
}
