//! How much work a worker is worth, and how long an idle one is kept: both by what the start of another one costs.
//!
//! The numbers were chosen with `dask-operator simulate`, from some seeds of its seven workloads, and are published for
//! others in `docs/autoscaling.md`.

use std::time::Duration;

use dask_crds::DaskAutoscalerSpec;

/// In how many seconds work should be done: `target_duration` of Dask's `Adaptive`, by default.
const TARGET_DURATION: f64 = 5.0;
/// Where starting takes longer, work should be done in this part of the time that it takes.
const OF_STARTUP: f64 = 0.75;
/// An idle worker is kept for this part of the time that another one takes to start.
const KEPT: f64 = 0.4;
/// A task that nothing is known of is worth this part of a worker; with [`TARGET_DURATION`], that is
/// `distributed.scheduler.unknown-task-duration`, half a second.
const UNKNOWN: f64 = 0.1;
/// Most threads that are asked for tasks that nothing is known of, or twice as many as there are.
const EXPLORED: f64 = 128.0;

/// How work becomes workers, for workers that take so long to start.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pace {
    /// How long one takes to start.
    pub startup: Duration,
    /// What the autoscaler's `spec.targetDuration` says.
    pub target_duration: Option<Duration>,
    /// What its `spec.behavior.scaleDown.stabilizationWindowSeconds` says.
    pub window: Option<Duration>,
}

impl Pace {
    /// What an autoscaler asks for, for workers that take so long to start.
    pub fn of(spec: &DaskAutoscalerSpec, startup: Duration) -> Self {
        let seconds = |s: i64| u64::try_from(s).ok().map(Duration::from_secs);
        let window = spec.behavior.and_then(|b| b.scale_down).and_then(|d| d.stabilization_window_seconds);
        Self {
            startup,
            target_duration: spec.target_duration.and_then(seconds),
            window: window.and_then(seconds),
        }
    }

    /// In how many seconds work should be done. A worker that comes for less costs more than it does.
    pub fn target(self) -> f64 {
        let asked = self.target_duration.map_or(TARGET_DURATION, |t| t.as_secs_f64());
        asked.max(OF_STARTUP * self.startup.as_secs_f64())
    }

    /// How long a worker stays that is not wanted any more.
    pub fn keep(self) -> Duration {
        self.window.unwrap_or_else(|| self.startup.mul_f64(KEPT))
    }

    /// Threads that tasks of which nothing is known are worth, where there are so many already.
    pub fn explore(self, tasks: f64, threads: f64) -> f64 {
        (UNKNOWN * tasks).min(EXPLORED.max(2.0 * threads))
    }
}
