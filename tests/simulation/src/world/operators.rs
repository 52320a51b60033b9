//! The operators of a world: the real ones, started, killed and replaced.

use std::{
    collections::BTreeMap,
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use dask_operator::{
    context::{Access, Context, Settings},
    controller,
    env::{Environment as Around, RandomSource},
    kubernetes::{
        client::Guard,
        leader_election::{self, LeaseConfig},
    },
    leadership::Leadership,
    metrics::Metrics,
};
use dask_operator_core::resources::agent_plan::Settings as Agent;
use tower::Layer;

use super::{Event, World};
use crate::{clock::SimClock, manifest::NAMESPACE, network::Network, seeded_random::Chance};

/// How many operators there are, and whether they elect one that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replicas {
    /// How many.
    pub count: usize,
    /// They elect one; else all write.
    pub elect: bool,
}

pub(super) struct Instance {
    clock: SimClock,
    elect: bool,
    starts: u64,
    operator: Option<Arc<Context>>,
}

/// The name of the operator with this number.
pub(super) fn name(number: usize) -> String {
    format!("operator-{number}")
}

impl World {
    /// Puts the operators there, and starts them.
    pub fn start_operators(self: &Arc<Self>, replicas: Replicas) {
        for number in 0..replicas.count {
            let instance =
                Instance { clock: self.clock.another(), elect: replicas.elect, starts: 0, operator: None };
            self.operators().insert(name(number), instance);
            self.start_operator(&name(number));
        }
    }

    pub(super) fn operator_names(&self) -> Vec<String> {
        self.operators().keys().cloned().collect()
    }

    /// A process starts that remembers nothing.
    pub(super) fn start_operator(self: &Arc<Self>, name: &str) {
        let Ok(metrics) = Metrics::new() else { return };
        let mut operators = self.operators();
        let Some(instance) = operators.get_mut(name).filter(|i| i.operator.is_none()) else { return };
        instance.starts += 1;
        self.trace.say(name, format_args!("starts"));
        let number =
            name.bytes().fold(instance.starts << 8, |n, b| n.wrapping_mul(31).wrapping_add(b.into()));
        let random = RandomSource::seeded(Chance::new(self.seed, number).number());
        let around =
            Around { clock: Arc::new(instance.clock.clone()), random, dial: Arc::new(self.dask.clone()) };
        let leadership = if instance.elect { Leadership::candidate() } else { Leadership::alone() };
        let network = Network::new(name, self);
        let guard = Guard { leadership: leadership.clone(), metrics: metrics.clone() };
        let client = kube::Client::new(guard.layer(network), NAMESPACE);
        let agent = Agent { image: self.lock().agent_image.clone(), ..Agent::default() };
        let settings = Settings {
            namespaces: Vec::new(),
            cluster_domain: "cluster.local".into(),
            poll: Duration::from_secs(2),
            agent,
            autoscaler_maximum: dask_operator_core::autoscaler::DEFAULT_MAXIMUM,
            nodes: self.lock().nodes.seen,
        };
        let operator = Context::new(Access { client, env: around, metrics, leadership }, settings);
        let running = operator.clone();
        operator.spawn(async move { controller::run(&running).await });
        if instance.elect {
            let seat = LeaseConfig {
                namespace: NAMESPACE.into(),
                name: "dask-operator".into(),
                candidate: format!("{name}_{}", instance.starts),
            };
            let candidate = operator.clone();
            operator.spawn(async move {
                leader_election::run(&candidate, &seat, std::future::pending()).await;
            });
        }
        instance.operator = Some(operator);
    }

    /// An operator dies at once; another process takes its place a little later.
    pub fn crash(&self, name: &str) {
        let Some(operator) = self.operators().get_mut(name).and_then(|i| i.operator.take()) else { return };
        self.trace.say(name, format_args!("is killed"));
        operator.stop();
        let now = self.clock.elapsed();
        self.lock().soon(now, (500, 5000), Event::Operator(name.into()));
        self.changed.notify_one();
    }

    /// All operators end, and nothing of them is left.
    pub fn end(&self) {
        for (_, instance) in std::mem::take(&mut *self.operators()) {
            if let Some(operator) = instance.operator {
                operator.stop();
            }
        }
    }

    pub(super) fn skew(&self, name: &str, seconds: i64) {
        if let Some(instance) = self.operators().get(name) {
            instance.clock.skew(seconds);
        }
    }

    fn operators(&self) -> MutexGuard<'_, BTreeMap<String, Instance>> {
        self.operators.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
