//! Why a scale-down waits: the conditions that say so, with what to do.

use crate::{
    model::{
        scheduler::{Offer, SPEAKS_TLS},
        time::Timestamp,
    },
    plan::conditions::{self, Observed},
    worker_group::{PlannerState, input::Input},
};

/// Without a reading of the scheduler, no worker that may hold data is removed, whatever asked for the shrink.
pub(crate) fn unreachable(why: &str, input: &Input<'_>) -> Observed {
    let end = if input.autoscaled {
        "the autoscaler waits"
    } else {
        "spec.worker.drainTimeout does not run meanwhile; where their results do not matter, delete pods by hand"
    };
    let message = format!(
        "the scheduler runs and does not answer ({why}); no worker that may hold results is removed until it does; {end}"
    );
    conditions::yes(conditions::SCALE_DOWN_BLOCKED, "SchedulerUnreachable", message)
}

pub(crate) fn no_offer(why: &str, input: &Input<'_>) -> Observed {
    let message = format!("the scheduler does not tell which workers may leave ({why}); {}", end(input));
    conditions::yes(conditions::SCALE_DOWN_BLOCKED, "NoOffer", message)
}

/// The scheduler is not asked, as it speaks TLS: what works all the same, what does not, and what helps.
pub(crate) fn speaks_tls() -> Observed {
    let message = "the scheduler speaks TLS and the operator does not, so the operator does not ask it. Workers are \
                   made, replaced and moved off nodes as always. A smaller replicas is carried out one worker at a \
                   time by the agents of the workers. An autoscaler keeps the size as it is, and idleTimeout does \
                   not delete the cluster; for these, take --protocol tls, the --tls options and \
                   DASK_DISTRIBUTED__COMM__TLS__* out of spec.scheduler.spec and spec.worker.spec";
    conditions::yes(conditions::SCHEDULER_UNREACHABLE, SPEAKS_TLS, message)
}

pub(crate) fn limited(missing: usize, input: &Input<'_>) -> Observed {
    let message = format!(
        "{missing} more workers would leave, but the others could not hold their results below {:.0} % of \
         their memory; release results, or keep more workers; {}",
        crate::worker_group::MEMORY_TARGET * 100.0,
        end(input)
    );
    conditions::yes(conditions::SCALE_DOWN_LIMITED, "NotEnoughMemory", message)
}

pub(crate) fn refused(missing: usize, input: &Input<'_>) -> Observed {
    let why = "the scheduler refused: they hold actors, or no other worker can take their results";
    waits("Refused", missing, why, input)
}

/// There are pods of which it is not known whether a worker runs in them.
#[derive(Clone, Copy)]
pub(crate) struct Unmapped {
    /// Because the scheduler answers too slowly, or calls of ours move results meanwhile.
    pub is_old: bool,
}

/// Why the scheduler offers too few workers.
pub(crate) enum Why {
    Shuffle,
    Refused,
    OldReading,
    Unmapped,
    NotOffered,
}

impl Why {
    pub(crate) fn of(
        offer: &Offer,
        unmapped: Option<Unmapped>,
        memory: &PlannerState,
        now: Timestamp,
    ) -> Self {
        match unmapped {
            _ if offer.shuffle_blocks => Self::Shuffle,
            _ if memory.next_refusal(now).is_some() => Self::Refused,
            Some(Unmapped { is_old: true }) => Self::OldReading,
            Some(_) => Self::Unmapped,
            None => Self::NotOffered,
        }
    }
}

pub(crate) fn blocked(missing: usize, why: Why, input: &Input<'_>) -> Observed {
    let (reason, why) = match why {
        Why::Refused => return refused(missing, input),
        Why::Shuffle => ("ShuffleRunning", "a P2P shuffle runs, whose shards cannot be moved"),
        Why::OldReading => (
            "WaitsForReading",
            "a pod without a worker cannot be told from one whose worker has just come, because the scheduler answers \
             slowly or results are being moved",
        ),
        Why::Unmapped => (
            "Unmapped",
            "it is not known which worker runs in which pod (pass --name $(DASK_WORKER_NAME) to the worker)",
        ),
        Why::NotOffered => {
            ("NotOffered", "the scheduler does not offer them: they run long tasks or take part in a shuffle")
        }
    };
    waits(reason, missing, why, input)
}

fn waits(reason: &str, missing: usize, why: &str, input: &Input<'_>) -> Observed {
    let message = format!("{missing} more workers should leave, but {why}; {}", end(input));
    conditions::yes(conditions::SCALE_DOWN_BLOCKED, reason, message)
}

fn end(input: &Input<'_>) -> &'static str {
    if input.autoscaled {
        "the autoscaler waits"
    } else {
        "after spec.worker.drainTimeout they are deleted all the same"
    }
}
