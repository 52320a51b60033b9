//! For unit tests: an operator whose API server never answers.

use std::{sync::Arc, time::Duration};

use dask_operator_core::resources::agent_plan;
use http::{Request, Response};
use kube::{Client, client::Body};

use crate::{
    context::{Access, Context, Settings},
    env::{Environment, RandomSource, SystemClock},
    leadership::Leadership,
    metrics::Metrics,
    scheduler::Direct,
};

/// Of an operator that runs nothing, and whose API server never answers.
pub(crate) fn context() -> Arc<Context> {
    let nothing = tower::service_fn(|_: Request<Body>| {
        std::future::pending::<Result<Response<Body>, std::io::Error>>()
    });
    let env =
        Environment { clock: Arc::new(SystemClock), random: RandomSource::seeded(1), dial: Arc::new(Direct) };
    with(Access {
        client: Client::new(nothing, "ns"),
        env,
        metrics: Metrics::new().unwrap(),
        leadership: Leadership::alone(),
    })
}

/// Of an operator that runs nothing, with usual settings.
pub(crate) fn with(access: Access) -> Arc<Context> {
    let settings = Settings {
        autoscaler_maximum: 1_000,
        namespaces: Vec::new(),
        cluster_domain: "cluster.local".into(),
        poll: Duration::from_secs(2),
        agent: agent_plan::Settings::default(),
        nodes: false,
    };
    Context::new(access, settings)
}
