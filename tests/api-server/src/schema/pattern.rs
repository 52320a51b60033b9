//! Regular expressions as Go reads them.

use std::fmt;

use regex::Regex;

/// A regular expression, and how it is written.
pub(super) struct Pattern {
    source: String,
    regex: Regex,
}

impl Pattern {
    pub(super) fn new(source: &str) -> Result<Self, regex::Error> {
        Ok(Pattern { source: source.to_owned(), regex: Regex::new(&translated(source))? })
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

/// In Go `\s` and its like are of ASCII alone, and a class has no classes and operators within.
fn translated(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut chars = source.chars().peekable();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let Some(escaped) = chars.next() else { return source.to_owned() };
                escape(escaped, in_class, &mut out);
            }
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                // Right behind the beginning, these are not its end.
                for first in ['^', ']'] {
                    if chars.next_if_eq(&first).is_some() {
                        out.push_str(if first == '^' { "^" } else { "\\]" });
                    }
                }
            }
            '[' if chars.peek() == Some(&':') => {
                out.push('[');
                for c in chars.by_ref() {
                    out.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            '[' | '&' | '~' if in_class => {
                out.push('\\');
                out.push(c);
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            c => out.push(c),
        }
    }
    out
}

fn escape(escaped: char, in_class: bool, out: &mut String) {
    let members = match escaped.to_ascii_lowercase() {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        's' => r"\t\n\x0c\r ",
        'b' if !in_class => return out.push_str(&format!("(?-u:\\{escaped})")),
        _ => {
            out.push('\\');
            return out.push(escaped);
        }
    };
    match (escaped.is_ascii_uppercase(), in_class) {
        (true, _) => out.push_str(&format!("[^{members}]")),
        (false, true) => out.push_str(members),
        (false, false) => out.push_str(&format!("[{members}]")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_go() {
        let holds = |pattern: &str, text: &str| Pattern::new(pattern).unwrap().is_match(text);
        // A space that is not of ASCII, and a digit.
        assert!(holds(r"^\S*$", "a\u{a0}b") && !holds(r"^\S*$", "a b"));
        assert!(holds(r"^\d$", "1") && !holds(r"^\d$", "\u{661}"));
        assert!(holds(r"^[\w.-]+$", "a_1.-") && !holds(r"^[\w.-]+$", "é"));
        assert!(holds(r"^[^\s]+$", "a") && !holds(r"^[^\s]+$", "a b") && holds(r"^[\D]$", "a"));
        assert!(holds(r"^[[&]+$", "[&") && holds(r"^[]a]+$", "]a") && holds(r"^[^]]$", "a"));
        assert!(holds(r"^[[:alpha:]_]+$", "a_") && !holds(r"^[[:alpha:]_]+$", "1"));
        assert!(holds(r"a\b", "a é") && holds(r"a\bé", "aé"));
        assert!(holds(r"^\[a\]\.$", "[a]."));
        assert!(Pattern::new("(").is_err());
        assert_eq!(Pattern::new(r"^\S*$").unwrap().to_string(), r"^\S*$");
    }
}
