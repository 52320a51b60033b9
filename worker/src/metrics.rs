//! What is counted, for Prometheus.

use prometheus::{Encoder, IntCounter, IntGauge, Registry, TextEncoder};

/// What is counted.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    /// Commands of workers that run: mostly one.
    pub running: IntGauge,
    /// Worker processes of this pod that are registered and take tasks.
    pub workers: IntGauge,
    /// 1 from SIGTERM on.
    pub leaving: IntGauge,
    /// Worker processes that were started after the first one.
    pub restarts: IntCounter,
    /// Those of them that were started because their predecessor used too much memory.
    pub memory_restarts: IntCounter,
    /// Processes that the kernel ended for want of memory (`oom_kill` of the cgroup's `memory.events`).
    oom_kills: IntCounter,
}

impl Metrics {
    /// All of them, 0.
    ///
    /// # Errors
    /// A name is not valid, or there twice.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        Ok(Self {
            running: gauge("dask_agent_worker_command_running", "Commands of workers that run now")?,
            workers: gauge(
                "dask_agent_registered_workers",
                "Worker processes of this pod that are registered with the scheduler and take tasks",
            )?,
            leaving: gauge("dask_agent_leaving", "1 from the pod's SIGTERM on")?,
            restarts: counter(
                "dask_agent_worker_restarts_total",
                "Worker processes that the agent started after the first one",
            )?,
            memory_restarts: counter(
                "dask_agent_memory_restarts_total",
                "Worker processes that the agent ended because they used too much memory",
            )?,
            oom_kills: counter(
                "dask_agent_oom_kills_total",
                "Processes of this container that the kernel ended for want of memory",
            )?,
            registry,
        })
    }

    /// One command's part of the registered workers.
    pub fn registered(&self) -> Part {
        Part { gauge: self.workers.clone(), last: 0 }
    }

    /// All of them in Prometheus' text format.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let seen = u64::try_from(oom_kills()).unwrap_or(0);
        self.oom_kills.inc_by(seen.saturating_sub(self.oom_kills.get()));
        let mut out = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut out)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }
}

/// A part of a gauge that several count.
#[derive(Debug)]
pub struct Part {
    gauge: IntGauge,
    last: i64,
}

impl Part {
    /// So many are counted here.
    pub fn set(&mut self, count: i64) {
        self.gauge.add(count - self.last);
        self.last = count;
    }
}

/// `oom_kill` of this container: cgroup v2, or v1; 0 where neither tells.
pub fn oom_kills() -> i64 {
    let v2 = std::fs::read_to_string("/sys/fs/cgroup/memory.events");
    let text = v2.or_else(|_| std::fs::read_to_string("/sys/fs/cgroup/memory/memory.oom_control"));
    let text = text.unwrap_or_default();
    let count = text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok());
    count.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scrapers take a counter's name and type from each other.
    #[test]
    fn what_only_grows_is_a_counter() {
        let text = Metrics::new().unwrap().text().unwrap();
        let typed = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let wrong: Vec<_> =
            typed.filter(|(name, kind)| name.ends_with("_total") != (*kind == "counter")).collect();
        assert_eq!(wrong, []);
        assert!(text.contains("dask_agent_oom_kills_total"), "{text}");
    }
}
