//! The real operator, in this process: it talks to the API server over HTTP, as everywhere else.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use dask_operator::{
    context::{Access, Context, Settings},
    controller,
    env::{Environment, RandomSource, SystemClock},
    http,
    kubernetes::client,
    leadership::Leadership,
    metrics::Metrics,
    scheduler::Direct,
};
use dask_operator_core::resources::agent_plan;
use tokio::net::TcpListener;

use crate::node::image::AGENT;

/// How often a scheduler is asked while an autoscaler needs it, as in the chart.
const POLL: Duration = Duration::from_secs(2);

/// Makes an operator for the API server at this address.
///
/// # Errors
/// Its client or its metrics cannot be made.
pub fn new(api: SocketAddr) -> Result<Arc<Context>> {
    let metrics = Metrics::new().context("defining metrics")?;
    let url = format!("http://{api}").parse().context("the API server's address")?;
    let config = kube::Config::new(url);
    let leadership = Leadership::alone();
    let client =
        client::connect(config, metrics.clone(), leadership.clone()).context("a client of the API server")?;
    let world = Environment {
        clock: Arc::new(SystemClock),
        random: RandomSource::from_system(),
        dial: Arc::new(Direct),
    };
    // As the chart has it.
    let agent = agent_plan::Settings {
        mode: dask_crds::AgentMode::Full,
        image: Some(AGENT.into()),
        ..agent_plan::Settings::default()
    };
    let settings = Settings {
        namespaces: Vec::new(),
        cluster_domain: "cluster.local".into(),
        poll: POLL,
        agent,
        autoscaler_maximum: 1_000,
        // There is one, and no object for it.
        nodes: false,
    };
    Ok(Context::new(Access { client, env: world, metrics, leadership }, settings))
}

/// Runs it, with its metrics on this listener.
///
/// # Errors
/// HTTP cannot be served.
pub async fn run(operator: Arc<Context>, metrics: TcpListener) -> Result<()> {
    tokio::select! {
        () = controller::run(&operator) => Ok(()),
        () = http::serve(metrics, operator.clone()) => Ok(()),
    }
}
