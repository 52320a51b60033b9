//! Which abstract resources a command line gives to its workers.

use std::collections::BTreeMap;

use crate::value::value;

/// Amounts by name, as `--resources "GPU=2 MEM=10e9"` says them; what Dask would refuse counts as none.
pub fn resources(words: &[String]) -> BTreeMap<String, f64> {
    // A value with spaces is one word, which may stand in a line for a shell.
    let is_option = |w: &String| w.contains("--resources");
    let Some(at) = words.iter().rposition(is_option) else { return BTreeMap::new() };
    let text = match words[at].split_once("--resources").map(|(_, rest)| rest) {
        Some("") => words.get(at + 1).cloned(),
        Some(rest) if rest.starts_with(['=', ' ']) && is_quoted(rest) => quoted(rest),
        _ => value(&words[at..=at], "--resources"),
    };
    let text = text.unwrap_or_default();
    let pairs = text.split([',', ' ', '"', '\'']).filter(|p| !p.is_empty());
    pairs.map(pair).collect::<Option<_>>().unwrap_or_default()
}

fn is_quoted(rest: &str) -> bool {
    rest[1..].trim_start().starts_with(['"', '\''])
}

fn quoted(rest: &str) -> Option<String> {
    let rest = rest[1..].trim_start();
    let quote = rest.chars().next()?;
    rest[1..].split(quote).next().map(String::from)
}

/// `NAME=AMOUNT`.
pub(crate) fn pair(text: &str) -> Option<(String, f64)> {
    let (name, amount) = text.split_once('=')?;
    let amount = amount.parse().ok().filter(|a: &f64| a.is_finite() && *a >= 0.0)?;
    (!name.is_empty()).then(|| (name.into(), amount))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|w| (*w).into()).collect();
        resources(&words)
            .iter()
            .map(|(name, amount)| format!("{name}={amount}"))
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn resources_are_read_in_every_form() {
        assert_eq!(
            of(&["dask", "worker", "--resources", "GPU=2 MEM=10e9", "--nthreads", "1"]),
            "GPU=2 MEM=10000000000"
        );
        assert_eq!(of(&["dask", "worker", "--resources=GPU=2,FOO=1"]), "FOO=1 GPU=2");
        assert_eq!(
            of(&["sh", "-c", "exec dask worker --resources 'GPU=2 FOO=1' --nthreads 1"]),
            "FOO=1 GPU=2"
        );
        assert_eq!(of(&["sh", "-c", "dask worker --resources=\"GPU=2 FOO=1\""]), "FOO=1 GPU=2");
        assert_eq!(of(&["sh", "-c", "dask worker --resources GPU=1 --nthreads 1"]), "GPU=1");
        assert_eq!(of(&["--resources", "GPU=1", "--resources", "GPU=3"]), "GPU=3");
    }

    #[test]
    fn what_dask_refuses_is_none() {
        for words in
            [&["dask", "worker"][..], &["--resources"], &["--resources", "GPU"], &["--resources", "GPU=x"]]
        {
            assert_eq!(of(words), "", "{words:?}");
        }
    }
}
