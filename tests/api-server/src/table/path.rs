//! JSONPath, as far as columns of custom resources use it.

use serde_json::Value;

/// A path, step by step.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    /// From the end if it is negative.
    Index(i64),
    All,
    Filter(Path, Test, Value),
    /// Whether there is something at a path.
    Has(Path),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Test {
    Equal,
    Unequal,
    Less,
    More,
    AtMost,
    AtLeast,
}

impl Path {
    /// Reads a path such as `.status.conditions[?(@.type=="Ready")].status`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = match rest.strip_prefix('[') {
                Some(inner) => brackets(inner)?,
                None => field(rest.strip_prefix('.').unwrap_or(rest))?,
            };
            steps.extend(step);
            rest = after;
        }
        Some(Self(steps))
    }

    /// The first of what it selects.
    pub(crate) fn first<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.all(value).into_iter().next()
    }

    fn all<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        self.0
            .iter()
            .fold(vec![value], |found, step| found.into_iter().flat_map(|value| step.select(value)).collect())
    }
}

impl Step {
    fn select<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match self {
            Self::Field(name) => value.get(name).into_iter().collect(),
            Self::Index(index) => at(value, *index).into_iter().collect(),
            Self::All => children(value),
            Self::Filter(path, test, wanted) => children(value)
                .into_iter()
                .filter(|v| path.first(v).is_some_and(|seen| test.holds(seen, wanted)))
                .collect(),
            Self::Has(path) => children(value).into_iter().filter(|v| path.first(v).is_some()).collect(),
        }
    }
}

impl Test {
    fn holds(self, seen: &Value, wanted: &Value) -> bool {
        let order = match (seen, wanted) {
            (Value::Number(a), Value::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()),
            (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
            _ => (seen == wanted).then_some(std::cmp::Ordering::Equal),
        };
        match self {
            Self::Equal => order.is_some_and(std::cmp::Ordering::is_eq),
            Self::Unequal => !order.is_some_and(std::cmp::Ordering::is_eq),
            Self::Less => order.is_some_and(std::cmp::Ordering::is_lt),
            Self::More => order.is_some_and(std::cmp::Ordering::is_gt),
            Self::AtMost => order.is_some_and(std::cmp::Ordering::is_le),
            Self::AtLeast => order.is_some_and(std::cmp::Ordering::is_ge),
        }
    }
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    }
}

fn at(value: &Value, index: i64) -> Option<&Value> {
    let list = value.as_array()?;
    let index = if index < 0 { i64::try_from(list.len()).ok()? + index } else { index };
    list.get(usize::try_from(index).ok()?)
}

/// A name up to the next step, in which a backslash takes away the meaning of a dot; and what comes after it.
fn field(text: &str) -> Option<(Option<Step>, &str)> {
    let (mut name, mut is_escaped, mut end) = (String::new(), false, text.len());
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => {
                name.push(c);
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            '.' | '[' => {
                end = at;
                break;
            }
            _ => name.push(c),
        }
    }
    let rest = &text[end..];
    match name.as_str() {
        // Nothing but a dot is the object itself; two dots would be anything below, which no column needs.
        "" if rest.starts_with('.') => None,
        "" => Some((None, rest)),
        "*" => Some((Some(Step::All), rest)),
        _ => Some((Some(Step::Field(name)), rest)),
    }
}

/// What stands in brackets, and what comes after them.
fn brackets(text: &str) -> Option<(Option<Step>, &str)> {
    if let Some(filter) = text.strip_prefix("?(") {
        let (inner, rest) = filter.split_once(")]")?;
        return Some((Some(condition(inner.trim())?), rest));
    }
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let (name, rest) = text[1..].split_once(quote)?;
        return Some((Some(Step::Field(name.into())), rest.strip_prefix(']')?));
    }
    let (inner, rest) = text.split_once(']')?;
    let step = if inner == "*" { Step::All } else { Step::Index(inner.trim().parse().ok()?) };
    Some((Some(step), rest))
}

fn condition(text: &str) -> Option<Step> {
    const TESTS: [(&str, Test); 6] = [
        ("==", Test::Equal),
        ("!=", Test::Unequal),
        ("<=", Test::AtMost),
        (">=", Test::AtLeast),
        ("<", Test::Less),
        (">", Test::More),
    ];
    let path = |text: &str| Path::parse(text.trim().strip_prefix('@')?);
    for (sign, test) in TESTS {
        if let Some((left, right)) = text.split_once(sign) {
            return Some(Step::Filter(path(left)?, test, literal(right.trim())?));
        }
    }
    path(text).map(Step::Has)
}

fn literal(text: &str) -> Option<Value> {
    match text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')) {
        Some(inner) => Some(Value::String(inner.into())),
        None => serde_json::from_str(text).ok(),
    }
}
