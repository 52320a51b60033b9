//! The conformance suite, on a real API server: CONFORMANCE_KUBECONFIG names the kubeconfig of one that has our kinds
//! and no operator. CONFORMANCE_ONLY is a part of the names of the cases to be run; with CONFORMANCE_RECORD the answers of
//! `src/conformance/answers.json` are not compared, and that file is where they are written.

use dask_operator_api_server::conformance::{World, all, complaints};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

#[tokio::test]
#[ignore = "needs an API server: CONFORMANCE_KUBECONFIG"]
async fn a_real_server_does_what_the_cases_say() {
    let path = std::env::var("CONFORMANCE_KUBECONFIG").expect("CONFORMANCE_KUBECONFIG names no kubeconfig");
    let kubeconfig = Kubeconfig::read_from(path).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let record = std::env::var("CONFORMANCE_RECORD").ok();
    let world = World::real(Client::try_from(config).unwrap());
    let world = if record.is_some() { world.recording() } else { world };
    let outcomes = all(&world, &std::env::var("CONFORMANCE_ONLY").unwrap_or_default()).await;
    if let (Some(path), Some(text)) = (record, world.recorded()) {
        std::fs::write(path, text).unwrap();
    }
    let complaints = complaints(&outcomes);
    assert!(!outcomes.is_empty(), "no case has such a name");
    assert!(complaints.is_empty(), "{complaints}");
    println!("{} cases", outcomes.len());
}
