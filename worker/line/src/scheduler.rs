//! What a worker's command line says of its scheduler.

use crate::words::{Word, words};

/// Options of `dask worker`, `dask cuda worker` and `dask spec` that take no value: what follows one may be the scheduler.
const FLAGS: [&str; 9] = [
    "--nanny",
    "--dashboard",
    "--bokeh",
    "--lifetime-restart",
    "--reconnect",
    "--rmm-async",
    "--rmm-managed-memory",
    "--rmm-track-allocations",
    "--version",
];
/// Options that begin so take no value either: `--no-nanny`, `--enable-nvlink`, `--disable-rdmacm`.
const FLAGS_BEGIN: [&str; 3] = ["--no-", "--enable-", "--disable-"];
/// Schemes of addresses.
const SCHEMES: [&str; 6] = ["tcp://", "tls://", "ws://", "wss://", "ucx://", "ucxx://"];
/// Programs and modules that are a worker, by the last part of their path.
const WORKERS: [&str; 4] =
    ["dask-worker", "dask-cuda-worker", "distributed.cli.dask_worker", "distributed.cli.dask_spec"];

/// The scheduler of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// An address with its scheme.
    Address(String),
    /// Host and port; the worker's configuration says which scheme is meant.
    WithoutScheme(String),
    /// A word that only a shell can read, such as `tcp://$HOST:8786`.
    Unreadable(String),
    /// None: the worker's configuration names it.
    Nothing,
}

/// The scheduler that the command line names: the worker's first argument that is an address and no option's value. What
/// comes before the worker's own word belongs to other programs.
pub fn scheduler(line: &[String]) -> Named {
    let words = words(line);
    let mut found = Named::Nothing;
    // A name that is given to the worker, or a path, may be such a word, too: the first that leads to an address counts.
    for begin in (0..words.len()).filter_map(|n| behind_the_worker(&words, n)) {
        match of_arguments(&words[begin.min(words.len())..]) {
            Named::Nothing => {}
            unreadable @ Named::Unreadable(_) if found == Named::Nothing => found = unreadable,
            Named::Unreadable(_) => {}
            readable => return readable,
        }
    }
    found
}

/// The scheduler among the words behind the worker's own, up to the end of the command.
fn of_arguments(words: &[Word]) -> Named {
    let mut found = Named::Nothing;
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if word.ends_command {
            break;
        }
        let text = word.text.as_str();
        if text == "--" {
            continue;
        }
        if text.starts_with('-') {
            let has_value = !text.contains('=') && !is_flag(text);
            let value = if has_value { rest.next() } else { Some(word) };
            skip_substitution(value, &mut rest);
        } else if text.contains(['$', '`']) {
            // Other options, perhaps; an address may follow.
            if found == Named::Nothing {
                found = Named::Unreadable(text.into());
            }
            skip_substitution(Some(word), &mut rest);
        } else if SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
            return Named::Address(text.into());
        } else if is_host_and_port(text) {
            return Named::WithoutScheme(text.into());
        }
    }
    found
}

/// The scheduler that a text names which is nothing else, such as a variable's.
pub fn named(text: &str) -> Named {
    if text.contains(['$', '`']) {
        Named::Unreadable(text.into())
    } else if text.contains("://") {
        Named::Address(text.into())
    } else if is_host_and_port(text) {
        Named::WithoutScheme(text.into())
    } else {
        Named::Nothing
    }
}

/// Where the worker's arguments begin, if the word at `n` begins what starts one.
fn behind_the_worker(words: &[Word], n: usize) -> Option<usize> {
    let name = |n: usize| words.get(n).map_or("", |w| w.text.rsplit('/').next().unwrap_or_default());
    match (name(n), name(n + 1), name(n + 2)) {
        ("dask", "worker" | "spec", _) => Some(n + 2),
        ("dask", "cuda", "worker") => Some(n + 3),
        (word, ..) if WORKERS.contains(&word) => Some(n + 1),
        _ => None,
    }
}

/// What a shell puts in place of `$(...)` may be several words of the line.
fn skip_substitution<'w>(word: Option<&Word>, rest: &mut impl Iterator<Item = &'w Word>) {
    if word.is_some_and(|w| w.text.contains("$(") && !w.text.contains(')')) {
        rest.find(|w| w.text.contains(')'));
    }
}

fn is_flag(option: &str) -> bool {
    FLAGS.contains(&option) || FLAGS_BEGIN.iter().any(|begin| option.starts_with(begin))
}

fn is_host_and_port(word: &str) -> bool {
    word.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests;
