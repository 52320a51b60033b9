//! The operator's program: from arguments to a running operator, and a clean end.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use clap::Parser;
use dask_operator::{
    cli::{Args, Command, SchedulerAccess},
    context::{Access, Context},
    controller,
    env::{Connector, Environment, RandomSource, SystemClock},
    http,
    kubernetes::{
        client,
        leader_election::{self, LeaseConfig},
    },
    leadership::Leadership,
    metrics::Metrics,
    scheduler::{Direct, PortForward},
    simulate::simulate,
    telemetry,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
    task::JoinHandle,
};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// How long reconciles that are under way may take after SIGTERM.
const DRAIN: Duration = Duration::from_secs(8);

fn print_definitions() -> anyhow::Result<()> {
    let documents: Vec<_> = dask_crds::crd_documents()?.into_iter().map(|(_, yaml)| yaml).collect();
    print!("{}", documents.join("---\n"));
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    match &args.command {
        Some(Command::Crds) => return print_definitions(),
        Some(Command::Simulate(args)) => return simulate(args),
        None => {}
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
        None => outside().await?,
    };
    let leadership = if args.leader_elect { Leadership::candidate() } else { Leadership::alone() };
    let client = client::connect(config.clone(), metrics.clone(), leadership.clone())
        .context("making a client of the API server")?;
    let namespace = config.default_namespace.clone();
    let dial: Arc<dyn Connector> = if direct {
        Arc::new(Direct)
    } else {
        // A forward may be silent for long, so it has a client without a limit on silence.
        Arc::new(PortForward(kube::Client::try_from(config).context("making a client for port-forwards")?))
    };
    let env = Environment { clock: Arc::new(SystemClock), random: RandomSource::from_system(), dial };
    let listener = listen(args.http_address).await?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), settings = ?args.settings(), direct, "starts");

    let seat = args.leader_elect.then(|| seat(&args, namespace, &env));
    let context = Context::new(Access { client, env, metrics, leadership }, args.settings());
    let election = seat.map(|seat| elect(&context, seat));
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        () = controller::run(&context) => {}
        () = http::serve(listener, context.clone()) => {}
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    context.drain(DRAIN).await;
    if let Some((stop, task)) = election {
        let _ = stop.send(());
        let _ = tokio::time::timeout(DRAIN, task).await;
    }
    tracing::info!("stopped");
    Ok(())
}

/// What a person's kubeconfig says.
async fn outside() -> anyhow::Result<kube::Config> {
    kube::Config::infer().await.context("no kubeconfig, and not in a pod; set KUBECONFIG")
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("listening on {address}; choose another --http-address"))
}

/// Takes part in the election; told to stop, the task gives the seat up and ends.
fn elect(context: &Arc<Context>, seat: LeaseConfig) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = oneshot::channel();
    let candidate = context.clone();
    let task = context.spawn(async move {
        leader_election::run(&candidate, &seat, async { drop(stopped.await) }).await;
    });
    (stop, task)
}

/// The seat that this process stands for. A pod's name alone would do, were it not for two processes on one machine.
fn seat(args: &Args, namespace: String, env: &Environment) -> LeaseConfig {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a fraction of 2^32")]
    let random = (env.random.fraction() * f64::from(u32::MAX)) as u32;
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "dask-operator".into());
    LeaseConfig {
        namespace: args.lease_namespace.clone().unwrap_or(namespace),
        name: args.lease_name.clone(),
        candidate: format!("{host}_{random:08x}"),
    }
}
