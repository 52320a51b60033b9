//! How leaving ended, and how that is told: by an exit code, and in the container's termination message.

use std::fmt;

/// How leaving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// No worker of this pod was registered.
    NoWorker,
    /// The workers left; their results are elsewhere.
    Left,
    /// The scheduler is gone, and what it knew with it.
    SchedulerLost,
    /// The scheduler is gone, and the workers held nothing.
    NothingHeld,
    /// The scheduler was never reached.
    NeverReached,
    /// The time was over before the scheduler let the workers go: results may be lost.
    OutOfTime,
    /// The time was over while tasks ran: they run again elsewhere; the results are elsewhere.
    Busy,
    /// A second signal asked for a quick end.
    Hurried,
    /// The scheduler cannot be asked (by this program).
    CannotAsk,
}

impl Ending {
    /// Exit code of a pod whose workers were not let go in order: `EX_TEMPFAIL` of sysexits.h.
    const NOT_IN_ORDER: i32 = 75;

    /// The exit code for it; `None`: the worker's own.
    pub fn code(self) -> Option<i32> {
        match self {
            Self::NoWorker | Self::Left | Self::NothingHeld | Self::CannotAsk => None,
            _ => Some(Self::NOT_IN_ORDER),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoWorker => "no worker of this pod was registered",
            Self::Left => "the workers left; their results are elsewhere",
            Self::SchedulerLost => {
                "the scheduler ended or was replaced; the results of this worker are lost"
            }
            Self::NothingHeld => "the scheduler was gone, and the workers held nothing",
            Self::NeverReached => {
                "the scheduler was never reached, so the workers ended as without the agent; results may be lost; \
                 correct the scheduler's address in the container's command line or in DASK_SCHEDULER_ADDRESS"
            }
            Self::OutOfTime => {
                "the time was over before the scheduler let the workers go; results may be lost; raise terminationGracePeriodSeconds"
            }
            Self::Busy => {
                "the time was over while tasks ran, which run again elsewhere; raise terminationGracePeriodSeconds"
            }
            Self::Hurried => "a second signal asked for a quick end; results may be lost",
            Self::CannotAsk => "the scheduler cannot be asked; the worker ends as without the agent",
        })
    }
}
