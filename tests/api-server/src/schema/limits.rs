//! What a single value must keep to beside its type.

use serde_json::{Number, Value};

use super::{
    Cause,
    check::Outcome,
    fault,
    node::{Bound, Node},
    path::Path,
    text,
};

fn invalid(path: &Path<'_>, value: &str, detail: &str) -> Cause {
    fault::invalid(path.field_text(), value, &format!("{} in body {detail}", path.text()))
}

/// `enum`.
pub(super) fn one_of_values(node: &Node, value: &Value, path: &Path<'_>, out: &mut Outcome) {
    let Some(checks) = node.checks.as_deref().filter(|checks| !checks.one_of_values.is_empty()) else {
        return;
    };
    let same = |known: &Value| match (known, value) {
        (Value::Number(known), Value::Number(value)) => known.as_f64() == value.as_f64(),
        _ => known == value,
    };
    if !checks.one_of_values.iter().any(same) {
        out.add(fault::not_supported(path.field_text(), value, &checks.one_of_values));
    }
}

/// Length, pattern (the first of them that does not hold) and format.
pub(super) fn text(node: &Node, value: &str, path: &Path<'_>, out: &mut Outcome) {
    if let Some(cause) = length_and_pattern(node, value, path) {
        out.add(cause);
    }
    if let Some(format) = node.format.as_ref().filter(|format| !(format.holds)(value)) {
        let detail =
            format!("{} in body must be of type {}: {}", path.text(), format.name, text::quoted(value));
        out.add(fault::type_invalid(path.field_text(), value, &detail));
    }
}

fn length_and_pattern(node: &Node, value: &str, path: &Path<'_>) -> Option<Cause> {
    let checks = node.checks.as_deref()?;
    let length = || value.chars().count() as u64;
    if let Some(most) = checks.max_length.filter(|most| value.len() as u64 > *most && length() > *most) {
        return Some(fault::too_long(path.field_text(), most));
    }
    if let Some(least) = checks.min_length.filter(|least| length() < *least) {
        let detail = format!("should be at least {least} chars long");
        return Some(invalid(path, &text::quoted(value), &detail));
    }
    let pattern = checks.pattern.as_ref().filter(|pattern| !pattern.is_match(value))?;
    Some(invalid(path, &text::quoted(value), &format!("should match '{pattern}'")))
}

/// Limits of numbers.
pub(super) fn number(node: &Node, number: &Number, path: &Path<'_>, out: &mut Outcome) {
    let Some(checks) = node.checks.as_deref() else { return };
    if let Some(factor) = checks.multiple_of {
        multiple(number, factor, path, out);
    }
    let mut wrong = |detail: &str| {
        out.add(invalid(path, &text::value(&Value::Number(number.clone())), detail));
    };
    // Whole numbers are compared as such, so that the large ones are not rounded.
    let beyond = |bound: &Bound, above: bool| {
        let order = match number.as_i64() {
            Some(whole) => Some(whole.cmp(&(bound.limit as i64))),
            None => number.as_f64().and_then(|number| number.partial_cmp(&bound.limit)),
        };
        order.is_some_and(
            |order| if above { order.is_gt() } else { order.is_lt() } || bound.exclusive && order.is_eq(),
        )
    };
    if let Some(bound) = checks.minimum.as_ref().filter(|bound| beyond(bound, false)) {
        let words = if bound.exclusive { "greater than" } else { "greater than or equal to" };
        wrong(&format!("should be {words} {}", limit(number, bound.limit)));
    }
    if let Some(bound) = checks.maximum.as_ref().filter(|bound| beyond(bound, true)) {
        let words = if bound.exclusive { "less than" } else { "less than or equal to" };
        wrong(&format!("should be {words} {}", limit(number, bound.limit)));
    }
}

fn multiple(number: &Number, factor: f64, path: &Path<'_>, out: &mut Outcome) {
    let told = limit(number, factor);
    let holds = match number.as_i64() {
        // A whole number is compared with the whole part of the factor.
        Some(_) if factor < 1.0 => {
            let detail = format!("factor MultipleOf declared for {} must be positive: {told}", path.text());
            return out.add(fault::invalid(path.field_text(), &told, &detail));
        }
        Some(whole) => whole % (factor as i64) == 0,
        None => number.as_f64().is_some_and(|number| (number / factor).fract() == 0.0),
    };
    if !holds {
        let value = text::value(&Value::Number(number.clone()));
        out.add(invalid(path, &value, &format!("should be a multiple of {told}")));
    }
}

/// A limit as it is told: whole where the number is.
fn limit(number: &Number, limit: f64) -> String {
    if number.is_i64() { (limit as i64).to_string() } else { text::float(limit) }
}

/// `minItems` and `maxItems`.
pub(super) fn items(node: &Node, count: usize, path: &Path<'_>, out: &mut Outcome) {
    let Some(checks) = node.checks.as_deref() else { return };
    if let Some(least) = checks.min_items.filter(|least| (count as u64) < *least) {
        out.add(invalid(path, &count.to_string(), &format!("should have at least {least} items")));
    }
    if let Some(most) = checks.max_items.filter(|most| (count as u64) > *most) {
        out.add(fault::too_many(path.field_text(), count, most));
    }
}

/// `minProperties` and `maxProperties`.
pub(super) fn properties(node: &Node, count: usize, path: &Path<'_>, out: &mut Outcome) {
    let Some(checks) = node.checks.as_deref() else { return };
    if let Some(least) = checks.min_properties.filter(|least| (count as u64) < *least) {
        out.add(invalid(path, &count.to_string(), &format!("should have at least {least} properties")));
    }
    if let Some(most) = checks.max_properties.filter(|most| (count as u64) > *most) {
        out.add(fault::too_many(path.field_text(), count, most));
    }
}
