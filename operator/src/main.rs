//! The operator's program: from arguments to a running operator, and a clean end.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use clap::Parser;
use dask_operator::{
    args::{Args, Command, SchedulerAccess},
    client,
    link::{Direct, PortForward},
    metrics::Metrics,
    run::Operator,
    server, telemetry,
    world::{Dial, Dice, SystemClock, World},
};
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// How long reconciles that are under way may take after SIGTERM.
const DRAIN: Duration = Duration::from_secs(8);

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if args.command == Some(Command::Crds) {
        let documents: Vec<_> = dask_crds::crd_documents().into_iter().map(|(_, yaml)| yaml).collect();
        print!("{}", documents.join("---\n"));
        return Ok(());
    }
    telemetry::start(args.log_format, args.level());
    let metrics = Metrics::new().context("defining metrics")?;
    let inside = kube::Config::incluster().ok();
    let direct = match args.scheduler_access {
        SchedulerAccess::Auto => inside.is_some(),
        access => access == SchedulerAccess::Direct,
    };
    let config = match inside {
        Some(config) => config,
        None => kube::Config::infer().await.context("no kubeconfig, and not in a pod; set KUBECONFIG")?,
    };
    let client =
        client::connect(config.clone(), metrics.clone()).context("making a client of the API server")?;
    let dial: Arc<dyn Dial> = if direct {
        Arc::new(Direct)
    } else {
        // A forward may be silent for long, so it has a client without a limit on silence.
        Arc::new(PortForward(kube::Client::try_from(config).context("making a client for port-forwards")?))
    };
    let world = World { clock: Arc::new(SystemClock), dice: Dice::from_system(), dial };
    let listener = tokio::net::TcpListener::bind(args.http_address)
        .await
        .with_context(|| format!("listening on {}; choose another --http-address", args.http_address))?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), settings = ?args.settings(), direct, "starts");

    let operator = Operator::new(client, world, metrics, args.settings());
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        () = operator.run() => {}
        served = server::serve(listener, operator.clone()) => served.context("serving HTTP")?,
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    operator.drain(DRAIN).await;
    tracing::info!("stopped");
    Ok(())
}
