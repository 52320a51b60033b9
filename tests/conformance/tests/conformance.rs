//! The conformance suite, on the server in memory and on a real API server: CONFORMANCE_KUBECONFIG names the kubeconfig of
//! one that has our kinds and no operator. CONFORMANCE_ONLY is a part of the names of the cases to be run; with
//! CONFORMANCE_RECORD the answers of `src/conformance/answers.json` are not compared, and that file is where they are
//! written.

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use kube_api_conformance::{Outcome, World, all, complaints};
use kube_memory_api_server::{ApiServer, Definitions, Settings};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn the_server_in_memory_does_what_the_cases_say() -> Result<(), Failed> {
    let start = Instant::now();
    let clock = move || {
        let since = jiff::SignedDuration::try_from(start.elapsed()).unwrap();
        "2025-01-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap() + since
    };
    let server = ApiServer::with_definitions(
        &Definitions::new(&dask_crds::definitions()).unwrap(),
        clock,
        Settings { managed_fields: true, ..Settings::default() },
    );
    let client = Client::new(server.service("conformance"), "default");
    let (collecting, compacting) = (server.clone(), server);
    let collect = move || {
        let _ = collecting.collect_garbage();
    };
    judge(&all(&World::still(client, collect, move || compacting.compact()), &only()).await)
}

#[tokio::test]
#[ignore = "needs an API server: CONFORMANCE_KUBECONFIG"]
async fn a_real_server_does_what_the_cases_say() -> Result<(), Failed> {
    let path = std::env::var("CONFORMANCE_KUBECONFIG").expect("CONFORMANCE_KUBECONFIG names no kubeconfig");
    let kubeconfig = Kubeconfig::read_from(path).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let record = std::env::var("CONFORMANCE_RECORD").ok();
    let world = World::real(Client::try_from(config).unwrap());
    let world = if record.is_some() { world.recording() } else { world };
    let outcomes = all(&world, &only()).await;
    if let (Some(path), Some(text)) = (record, world.recorded()) {
        std::fs::write(path, text).unwrap();
    }
    judge(&outcomes)
}

fn only() -> String {
    std::env::var("CONFORMANCE_ONLY").unwrap_or_default()
}

/// The cases that failed, a line each. It is returned, for a panic would show its backtrace.
struct Failed(String);

impl std::fmt::Debug for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn judge(outcomes: &[Outcome]) -> Result<(), Failed> {
    if outcomes.is_empty() {
        return Err(Failed("no case has such a name".into()));
    }
    let failed = outcomes.iter().filter(|outcome| outcome.result.is_err()).count();
    let told = format!("{failed} of {} differ:\n{}", outcomes.len(), complaints(outcomes));
    if failed == 0 { Ok(()) } else { Err(Failed(told)) }
}
