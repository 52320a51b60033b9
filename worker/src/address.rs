//! Which scheduler is meant: by the worker's command line, by variables, or by the configuration of its Python.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use dask_worker_line::{Named, named};

use crate::{
    scheduler::Scheduler,
    tls::{self, Tls},
};

/// The variable of `distributed.comm.default-scheme`, as Dask compares them.
const DEFAULT_SCHEME: &str = "dask_distributed__comm__default_scheme";
/// Dask's own default.
const SCHEME: &str = "tcp";

/// The scheduler of this command line, or else of the variable; `None`: it cannot be asked.
pub async fn scheduler(line: &[String], variable: Option<&str>) -> Option<Scheduler> {
    let meant = meant(line, variable);
    let mut told = None;
    let address = match meant {
        Named::Address(address) => address,
        Named::WithoutScheme(host) => {
            let mut scheme = default_scheme(std::env::vars_os());
            if scheme.is_none() && has_configuration() {
                told = tls::configuration(line).await;
                scheme = told.as_ref().and_then(|told| told.scheme.clone());
            }
            format!("{}://{host}", scheme.as_deref().unwrap_or(SCHEME))
        }
        Named::Unreadable(word) => word,
        Named::Nothing => "none".into(),
    };
    let tls = if address.starts_with("tls://") {
        let tls = Tls::new(&tls::settings(line, told).await);
        tls.inspect_err(|error| tracing::warn!(%error, "TLS cannot be set up with the worker's certificates"))
            .ok()
    } else {
        None
    };
    let scheduler = Scheduler::at(&address, tls);
    if scheduler.is_none() {
        tracing::warn!(
            scheduler = address,
            "this scheduler cannot be asked; on SIGTERM the worker ends as without the agent"
        );
    }
    scheduler
}

/// What the command line says goes first. A word of it that only a shell can read leaves it to the variable, which the operator
/// sets to the cluster's own scheduler.
fn meant(line: &[String], variable: Option<&str>) -> Named {
    let variable = || named(variable.unwrap_or_default());
    match dask_worker_line::scheduler(line) {
        Named::Nothing => variable(),
        Named::Unreadable(word) => {
            let instead = variable();
            tracing::info!(
                word,
                ?instead,
                "the scheduler's address in the command line has a shell variable; the agent uses DASK_SCHEDULER_ADDRESS"
            );
            if instead == Named::Nothing { Named::Unreadable(word) } else { instead }
        }
        readable => readable,
    }
}

/// The scheme that a variable sets for addresses without one.
fn default_scheme(mut variables: impl Iterator<Item = (OsString, OsString)>) -> Option<String> {
    variables.find_map(|(name, text)| {
        // As `dask.config.collect_env` reads them.
        let name = name.to_str()?.to_lowercase().replace('-', "_");
        let text = text.to_str()?.trim_matches(['"', '\'']).to_owned();
        (name == DEFAULT_SCHEME && !text.is_empty()).then_some(text)
    })
}

/// Whether Dask may have a configuration that says something else than its defaults. Python is asked only then: it takes a second.
fn has_configuration() -> bool {
    std::env::var_os("DASK_CONFIG").is_some()
        || places(|name| std::env::var_os(name)).iter().any(|p| has_yaml(p))
}

/// Where Dask looks for files: its root, beside each Python that may be the worker's, and at home.
fn places(variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let root = variable("DASK_ROOT_CONFIG").unwrap_or_else(|| "/etc/dask".into());
    let path = variable("PATH").unwrap_or_default();
    let beside = std::env::split_paths(&path).filter_map(|bin| Some(bin.parent()?.join("etc/dask")));
    let home = variable("HOME").map(|home| Path::new(&home).join(".config/dask"));
    [PathBuf::from(root)].into_iter().chain(beside).chain(home).collect()
}

fn has_yaml(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name());
    names.any(|name| [".yaml", ".yml", ".json"].iter().any(|end| name.to_string_lossy().ends_with(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str, variable: &str) -> Named {
        meant(&line.split(' ').map(String::from).collect::<Vec<_>>(), Some(variable))
    }

    #[test]
    fn a_word_for_a_shell_leaves_it_to_the_variable() {
        let ours = || Named::Address("tcp://ours:1".into());
        assert_eq!(of("dask worker tcp://$S:1", "tcp://ours:1"), ours());
        assert_eq!(of("dask worker", "tcp://ours:1"), ours());
        assert_eq!(of("dask worker tcp://s:1", "tcp://ours:1"), Named::Address("tcp://s:1".into()));
        assert_eq!(of("dask worker $S", ""), Named::Unreadable("$S".into()));
        assert!(Scheduler::at("tcp://$S:1", None).is_some(), "nothing else keeps it from being asked for");
    }

    #[test]
    fn a_variable_says_the_scheme_as_dask_reads_it() {
        let of = |name: &str, text: &str| default_scheme([(name.into(), text.into())].into_iter());
        assert_eq!(of("DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME", "tls").as_deref(), Some("tls"));
        assert_eq!(of("DASK_DISTRIBUTED__COMM__DEFAULT-SCHEME", "'tls'").as_deref(), Some("tls"));
        assert_eq!([of("DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME", ""), of("X", "tls")], [None, None]);
    }

    #[test]
    fn configurations_are_looked_for_where_dask_does() {
        let dir = tempfile::tempdir().unwrap();
        let etc = dir.path().join("etc/dask");
        std::fs::create_dir_all(&etc).unwrap();
        let variable = |name: &str| (name == "PATH").then(|| dir.path().join("bin").into_os_string());
        assert!(places(variable).contains(&etc) && !has_yaml(&etc));
        std::fs::write(etc.join("tls.yaml"), "").unwrap();
        assert!(has_yaml(&etc));
    }
}
