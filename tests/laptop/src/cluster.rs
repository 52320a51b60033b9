//! The cluster as a whole: everything that runs in this process, started together.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, atomic::AtomicU64},
};

use anyhow::{Context, Result, bail};
use kube_memory_api_server::{ApiServer, Definitions, Settings, http};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    controllers,
    home::Home,
    logs,
    node::{Addresses, Node},
    operator, origin, services, streams,
    watchdog::Watchdog,
};

/// The first half of the addresses of Services.
const SERVICES: [u8; 2] = [127, 96];

/// What a cluster is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its folder.
    pub dir: PathBuf,
    /// Port of the API server; 0: any that is free.
    pub port: u16,
    /// The Python with the Dask that pods are to run.
    pub python: PathBuf,
    /// The agent that workers run under.
    pub agent: PathBuf,
}

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    /// Address of its API server.
    pub api: SocketAddr,
    /// The version of Dask that its pods run.
    pub version: String,
    /// Its folder.
    pub home: Home,
    node: Arc<Node>,
    tasks: JoinSet<Result<()>>,
}

impl Cluster {
    /// Starts one.
    ///
    /// # Errors
    /// What is missing, and what to do about it.
    pub async fn start(plan: &Plan) -> Result<Self> {
        let version = version_of(&plan.python)?;
        let programs = plan.python.parent().context("--python: give the whole path")?.to_path_buf();
        if !plan.agent.is_file() {
            bail!("--agent: {} is not there; build it with cargo build -p dask-agent", plan.agent.display());
        }
        let home = Home::take(&plan.dir)?;
        let (listener, api) = listen(plan.port).await?;
        let (metrics, _) = listen(0).await?;
        home.write_kubeconfig(api)?;
        let settings =
            Settings { managed_fields: true, journal: false, services: SERVICES, ..Settings::default() };
        let server = ApiServer::with_definitions(
            &Definitions::new(&dask_crds::definitions())?,
            jiff::Timestamp::now,
            settings,
        );
        let node = Arc::new(Node {
            server: server.clone(),
            dir: home.dir.clone(),
            programs,
            agent: plan.agent.clone(),
            version: version.clone(),
            addresses: Addresses::default(),
            watchdog: Watchdog::start(&home.dir)?,
            events: AtomicU64::new(0),
        });
        let mut tasks = JoinSet::new();
        let routes = http::router(server.clone())
            .merge(logs::routes(node.clone()))
            .merge(streams::routes(node.clone()))
            .layer(axum::middleware::from_fn(origin::check));
        tasks.spawn(async move { axum::serve(listener, routes).await.context("serving the API") });
        let (running, hosts) = (node.clone(), home.dir.join("hosts"));
        tasks.spawn(async move {
            running.run().await;
            Ok(())
        });
        tasks.spawn(forever(services::run(server.clone(), hosts)));
        tasks.spawn(forever(controllers::run(server)));
        tasks.spawn(operator::run(operator::new(api)?, metrics));
        Ok(Self { api, version, home, node, tasks })
    }

    /// Waits until a part of it ends, which none should.
    ///
    /// # Errors
    /// Why it ended.
    pub async fn fails(&mut self) -> Result<()> {
        match self.tasks.join_next().await {
            Some(Ok(Err(error))) => Err(error),
            Some(Err(error)) => Err(error).context("a part of the cluster panicked"),
            Some(Ok(Ok(()))) | None => bail!("a part of the cluster ended"),
        }
    }

    /// Ends it with all that it started; nothing is left.
    pub fn end(mut self) {
        self.tasks.abort_all();
        self.node.watchdog.finish();
    }
}

async fn forever(part: impl Future<Output = ()>) -> Result<()> {
    part.await;
    Ok(())
}

async fn listen(port: u16) -> Result<(TcpListener, SocketAddr)> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("--port: {address} is taken; choose another one, or 0 for any that is free")
    })?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// The version of Dask that a Python has.
fn version_of(python: &Path) -> Result<String> {
    let told = Command::new(python)
        .args(["-c", "import distributed; print(distributed.__version__)"])
        .output()
        .with_context(|| format!("--python: {} cannot be run", python.display()))?;
    let version = String::from_utf8_lossy(&told.stdout).trim().to_string();
    if !told.status.success() || version.is_empty() {
        bail!(
            "--python: {} has no Dask; give the Python of a virtual environment with dask and distributed",
            python.display()
        );
    }
    Ok(version)
}
