//! The conformance suite: what a Kubernetes API server must answer, as cases that are run on a real one and on ours.
//!
//! No case asks for what our server leaves out: the admission of RuntimeClasses (it takes any name of one), and
//! privileged containers, which a real server forbids or not as it is started (ours takes them all, and does not look
//! at `allowPrivilegeEscalation` beside `privileged`).

mod answer;
mod applied;
mod ground;
mod lasting;
mod manifests;
mod recorded;
mod stream;

mod apply;
mod create;
mod dask;
mod delete;
mod merge;
mod metadata;
mod others;
mod owners;
mod pages;
mod patches;
mod read;
mod refused;
mod subresources;
mod tables;
mod watch;
mod write;

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use futures::future::LocalBoxFuture;
use tokio::time::timeout;

pub use ground::{Ground, World};

/// Longest time of one case; collecting garbage takes a real cluster a few seconds.
const LONGEST: Duration = Duration::from_secs(120);

/// One thing that an API server must do.
#[derive(Clone, Copy)]
pub struct Case {
    /// What it is, in words.
    pub name: &'static str,
    run: fn(Ground) -> LocalBoxFuture<'static, Result<()>>,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Case").field(&self.name).finish()
    }
}

impl Case {
    const fn new(name: &'static str, run: fn(Ground) -> LocalBoxFuture<'static, Result<()>>) -> Self {
        Self { name, run }
    }

    /// Runs it in a namespace of its own.
    ///
    /// # Errors
    /// What differs.
    pub async fn run(&self, world: &World) -> Result<()> {
        let ground = Ground::new(world.clone()).await.context("a namespace for the case")?;
        let ended = timeout(LONGEST, (self.run)(ground.clone())).await;
        ground.leave().await;
        ended.unwrap_or_else(|_| Err(anyhow!("it took more than {} s", LONGEST.as_secs())))
    }
}

/// All of them, in the order in which they are run.
pub fn cases() -> Vec<Case> {
    [
        create::CASES,
        read::CASES,
        pages::CASES,
        write::CASES,
        merge::CASES,
        patches::CASES,
        subresources::CASES,
        delete::CASES,
        owners::CASES,
        watch::CASES,
        metadata::CASES,
        tables::CASES,
        others::CASES,
        dask::CASES,
        lasting::CASES,
        refused::CASES,
        apply::CASES,
    ]
    .concat()
}

/// How a case ended.
#[derive(Debug)]
pub struct Outcome {
    /// Its name.
    pub name: &'static str,
    /// What differed, or nothing.
    pub result: Result<()>,
}

/// Runs all cases whose names contain the text, one after the other.
pub async fn all(world: &World, only: &str) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for case in cases().iter().filter(|case| case.name.contains(only)) {
        outcomes.push(Outcome { name: case.name, result: case.run(world).await });
    }
    outcomes
}

/// What differed, one line a case; empty if all is well.
pub fn complaints(outcomes: &[Outcome]) -> String {
    let failed = outcomes.iter().filter_map(|outcome| Some((outcome.name, outcome.result.as_ref().err()?)));
    failed.map(|(name, error)| format!("{name}: {error:#}")).collect::<Vec<_>>().join("\n")
}
