//! allOf, anyOf, oneOf and not.

use serde_json::Value;

use super::{
    check::Outcome,
    fault,
    node::{Checks, Node},
    path::Path,
    text,
};

/// Checks the combinations of a node.
pub(super) fn check(checks: &Checks, value: &Value, path: &Path<'_>, out: &mut Outcome) {
    let mut main = Outcome::default();
    let mut say = |main: &mut Outcome, words: &str| {
        let detail = format!("{} {words}", text::quoted(&path.text()));
        main.add(fault::invalid("<nil>".to_owned(), "\"\"", &detail));
    };
    let ask = |node: &Node| {
        let mut outcome = Outcome::default();
        outcome.find(node, value, None, path);
        outcome
    };
    if !checks.any_of.is_empty() {
        any_of(&checks.any_of, ask, &mut main, &mut say);
    }
    if !checks.one_of.is_empty() {
        one_of(&checks.one_of, ask, &mut main, &mut say);
    }
    if !checks.all_of.is_empty() {
        let mut held = 0;
        for node in &checks.all_of {
            let outcome = ask(node);
            held += usize::from(outcome.causes.is_empty());
            main.merge(outcome);
        }
        if held != checks.all_of.len() {
            let none = if held == 0 { ". None validated" } else { "" };
            say(&mut main, &format!("must validate all the schemas (allOf){none}"));
        }
    }
    if checks.not.as_ref().is_some_and(|node| ask(node).causes.is_empty()) {
        say(&mut main, "must not validate the schema (not)");
    }
    out.merge(main);
}

type Say<'a> = dyn FnMut(&mut Outcome, &str) + 'a;

/// Of several that fail, the one is told of which most held.
fn any_of(nodes: &[Node], ask: impl Fn(&Node) -> Outcome, main: &mut Outcome, say: &mut Say<'_>) {
    let mut best: Option<Outcome> = None;
    for node in nodes {
        let outcome = ask(node);
        if outcome.causes.is_empty() {
            main.merge(outcome);
            return;
        }
        if best.as_ref().is_none_or(|best| outcome.matched > best.matched) {
            best = Some(outcome);
        }
    }
    say(main, "must validate at least one schema (anyOf)");
    best.into_iter().for_each(|best| main.merge(best));
}

fn one_of(nodes: &[Node], ask: impl Fn(&Node) -> Outcome, main: &mut Outcome, say: &mut Say<'_>) {
    let (mut held, mut first, mut best) = (0, None, None::<Outcome>);
    for node in nodes {
        let outcome = ask(node);
        if outcome.causes.is_empty() {
            held += 1;
            best = None;
            first.get_or_insert(outcome);
        } else if held == 0 && best.as_ref().is_none_or(|best| outcome.matched > best.matched) {
            best = Some(outcome);
        }
    }
    let found = match held {
        1 => return first.into_iter().for_each(|first| main.merge(first)),
        0 => "Found none valid".to_owned(),
        _ => format!("Found {held} valid alternatives"),
    };
    say(main, &format!("must validate one and only one schema (oneOf). {found}"));
    best.into_iter().for_each(|best| main.merge(best));
}
