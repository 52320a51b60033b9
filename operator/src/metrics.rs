//! What is counted, for Prometheus. Labels are bounded: never a name that a user chose.

use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder, process_collector::ProcessCollector,
};
use tokio::time::Instant;

/// Buckets of reconcile times, in seconds: from one that the cache answers to one that hangs, close enough for a 99th
/// percentile.
const SECONDS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0];

/// What is counted.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    reconciles: IntCounterVec,
    durations: HistogramVec,
    created: IntCounter,
    deleted: IntCounter,
    asked: IntCounterVec,
    watches: IntCounterVec,
    in_sync: IntGaugeVec,
    queued: IntGauge,
    leader: IntGauge,
    clusters: IntGauge,
    workers: IntGaugeVec,
}

/// A reconcile under way.
#[derive(Debug)]
#[must_use]
pub struct Timer<'a> {
    metrics: &'a Metrics,
    kind: &'static str,
    started: Instant,
}

impl Timer<'_> {
    /// It ended like this.
    pub fn done(self, outcome: &str) {
        self.metrics.reconciles.with_label_values(&[self.kind, outcome]).inc();
        let seconds = self.started.elapsed().as_secs_f64();
        self.metrics.durations.with_label_values(&[self.kind]).observe(seconds);
    }
}

impl Metrics {
    /// A registry of its own with all metrics in it.
    ///
    /// # Errors
    /// A metric that is defined wrongly or twice.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let opts = |name: &str, help: &str| Opts::new(format!("dask_operator_{name}"), help);
        let seconds = HistogramOpts::from(opts("reconcile_duration_seconds", "Time of a reconcile"));
        let metrics = Self {
            requests: IntCounterVec::new(
                opts("api_requests_total", "Requests to the API server; code 0 means no answer"),
                &["verb", "resource", "code"],
            )?,
            reconciles: IntCounterVec::new(
                opts("reconciles_total", "Reconciles by outcome"),
                &["kind", "outcome"],
            )?,
            durations: HistogramVec::new(seconds.buckets(SECONDS.to_vec()), &["kind"])?,
            created: IntCounter::with_opts(opts("worker_pods_created_total", "Worker pods created"))?,
            deleted: IntCounter::with_opts(opts("worker_pods_deleted_total", "Worker pods deleted"))?,
            asked: IntCounterVec::new(
                opts("scheduler_polls_total", "Questions to schedulers by outcome"),
                &["outcome"],
            )?,
            watches: IntCounterVec::new(opts("watch_failures_total", "Watches that broke"), &["resource"])?,
            in_sync: IntGaugeVec::new(
                opts("watch_in_sync", "Whether objects are seen as they are, in all namespaces: 1 or 0"),
                &["resource"],
            )?,
            queued: IntGauge::with_opts(opts("queue_length", "Objects waiting to be looked at"))?,
            leader: IntGauge::with_opts(opts("leader", "Whether this process leads and writes: 1 or 0"))?,
            clusters: IntGauge::with_opts(opts("clusters", "DaskClusters"))?,
            workers: IntGaugeVec::new(opts("workers", "Worker pods by state"), &["state"])?,
            registry,
        };
        metrics.registry.register(Box::new(metrics.requests.clone()))?;
        metrics.registry.register(Box::new(metrics.reconciles.clone()))?;
        metrics.registry.register(Box::new(metrics.durations.clone()))?;
        metrics.registry.register(Box::new(metrics.created.clone()))?;
        metrics.registry.register(Box::new(metrics.deleted.clone()))?;
        metrics.registry.register(Box::new(metrics.asked.clone()))?;
        metrics.registry.register(Box::new(metrics.watches.clone()))?;
        metrics.registry.register(Box::new(metrics.in_sync.clone()))?;
        metrics.registry.register(Box::new(metrics.queued.clone()))?;
        metrics.registry.register(Box::new(metrics.leader.clone()))?;
        metrics.registry.register(Box::new(metrics.clusters.clone()))?;
        metrics.registry.register(Box::new(metrics.workers.clone()))?;
        let build = IntGaugeVec::new(opts("build_info", "The version that runs; always 1"), &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        metrics.registry.register(Box::new(build))?;
        metrics.registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(metrics)
    }

    /// A request to the API server was answered with this code, or not at all (0).
    pub fn request(&self, verb: &str, resource: &str, code: u16) {
        self.requests.with_label_values(&[verb, resource, &code.to_string()]).inc();
    }

    /// A reconcile begins.
    pub fn reconciling(&self, kind: &'static str) -> Timer<'_> {
        Timer { metrics: self, kind, started: Instant::now() }
    }

    /// Worker pods were created.
    pub fn pods_created(&self, n: usize) {
        self.created.inc_by(n as u64);
    }

    /// Worker pods were deleted.
    pub fn pods_deleted(&self, n: usize) {
        self.deleted.inc_by(n as u64);
    }

    /// A scheduler was asked.
    pub fn scheduler_asked(&self, outcome: &str) {
        self.asked.with_label_values(&[outcome]).inc();
    }

    /// A watch of this resource broke.
    pub fn watch_failed(&self, resource: &str) {
        self.watches.with_label_values(&[resource]).inc();
    }

    /// Whether objects of this resource are seen as they are.
    pub fn watch_in_sync(&self, resource: &str, is_in_sync: bool) {
        self.in_sync.with_label_values(&[resource]).set(is_in_sync.into());
    }

    /// The length of the work queue.
    pub fn queue_length(&self, n: usize) {
        self.queued.set(i64::try_from(n).unwrap_or(i64::MAX));
    }

    /// Whether this process leads.
    pub fn leads(&self, leads: bool) {
        self.leader.set(leads.into());
    }

    /// How many DaskClusters there are.
    pub fn clusters(&self, n: usize) {
        self.clusters.set(i64::try_from(n).unwrap_or(i64::MAX));
    }

    /// How many worker pods are in this state.
    pub fn workers(&self, state: &str, n: usize) {
        self.workers.with_label_values(&[state]).set(i64::try_from(n).unwrap_or(i64::MAX));
    }

    /// All metrics in Prometheus' text format.
    ///
    /// # Errors
    /// A metric that cannot be written down.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut out = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut out)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }
}
