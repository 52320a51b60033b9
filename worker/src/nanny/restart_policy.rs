//! What follows when the worker's process has ended: another one, another scheduler, or the end of the pod.

use std::time::Duration;

/// A process that lived this long had begun well.
const LIVED: Duration = Duration::from_secs(30);
/// Wait before the second try after processes that lived shorter; doubles with each.
const FIRST: Duration = Duration::from_secs(1);
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(30);

/// How a worker's process ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code.
    pub code: i32,
    /// Whether it had been registered.
    pub registered: bool,
    /// For how long it was there.
    pub lived: Duration,
    /// Whether we ended it, to start another one.
    pub ended_by_us: bool,
    /// What it told its nanny before, in order not to be started again.
    pub told: Option<String>,
    /// Whether a scheduler answers, and is the one that it was registered with; `None`: none does.
    pub same_scheduler: Option<bool>,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another process after this wait; its predecessor is unknown to the scheduler then.
    Again(Duration),
    /// Another process with the next scheduler, after this wait.
    AnotherScheduler(Duration),
    /// The pod ends with this code.
    Exit(i32),
}

/// Decides, and counts processes in a row that ended by themselves after a short life.
#[derive(Clone, Copy, Debug, Default)]
pub struct RestartPolicy {
    short: u32,
}

impl RestartPolicy {
    /// What follows.
    pub fn after(&mut self, ended: &Ended) -> Next {
        let is_there = ended.same_scheduler == Some(true);
        let again = |wait| if is_there { Next::Again(wait) } else { Next::AnotherScheduler(wait) };
        if ended.ended_by_us {
            return again(Duration::ZERO);
        }
        if ended.told.as_deref().is_some_and(is_loss) {
            // A worker that its scheduler removed without a word sees the same as one that lost it.
            return if is_there { Next::Exit(ended.code) } else { again(Duration::ZERO) };
        }
        if ended.told.is_some() || !ended.registered {
            return Next::Exit(ended.code);
        }
        // A worker that crashes does so with any scheduler.
        self.short = if ended.lived < LIVED { self.short.saturating_add(1) } else { 0 };
        again(match self.short {
            0 | 1 => Duration::ZERO,
            n => FIRST.saturating_mul(2_u32.saturating_pow(n - 2)).min(LONGEST),
        })
    }
}

/// Whether this is how a worker says that its scheduler is gone (`Worker.close(reason=...)`).
fn is_loss(reason: &str) -> bool {
    ["worker-handle-scheduler-connection-broken", "worker-heartbeat-missing"].contains(&reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended() -> Ended {
        Ended { code: 1, registered: true, same_scheduler: Some(true), ..Ended::default() }
    }

    fn told(reason: &str, same_scheduler: Option<bool>) -> Ended {
        Ended { code: 0, told: Some(reason.into()), same_scheduler, ..ended() }
    }

    #[test]
    fn one_that_crashes_comes_again_later_and_later() {
        let mut life = RestartPolicy::default();
        let waits: Vec<_> = (0..8)
            .map(|_| match life.after(&ended()) {
                Next::Again(wait) => wait.as_secs(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 30, 30]);
        let long = Ended { lived: LIVED, ..ended() };
        assert_eq!(life.after(&long), Next::Again(Duration::ZERO));
        assert_eq!(life.after(&ended()), Next::Again(Duration::ZERO), "it begins anew");
    }

    #[test]
    fn one_that_never_registered_ends_the_pod_with_its_code() {
        assert_eq!(RestartPolicy::default().after(&Ended { registered: false, ..ended() }), Next::Exit(1));
    }

    #[test]
    fn one_that_was_let_go_does_not_come_again() {
        for reason in ["scheduler-remove-worker", "scheduler-close-worker", "worker-lifetime-reached", "x"] {
            assert_eq!(RestartPolicy::default().after(&told(reason, Some(true))), Next::Exit(0), "{reason}");
        }
    }

    #[test]
    fn a_lost_scheduler_is_waited_for_and_one_that_is_there_has_let_it_go() {
        for reason in ["worker-handle-scheduler-connection-broken", "worker-heartbeat-missing"] {
            let after = |same| RestartPolicy::default().after(&told(reason, same));
            let another = Next::AnotherScheduler(Duration::ZERO);
            assert_eq!([after(None), after(Some(false))], [another; 2], "{reason}");
            assert_eq!(after(Some(true)), Next::Exit(0), "{reason}");
        }
        for same_scheduler in [None, Some(false)] {
            let crashed = Ended { same_scheduler, ..ended() };
            let another = |seconds| Next::AnotherScheduler(Duration::from_secs(seconds));
            let mut life = RestartPolicy::default();
            let waits = [0, 1, 2, 4].map(|wait| (life.after(&crashed), another(wait)));
            assert!(waits.iter().all(|(is, wanted)| is == wanted), "later and later: {waits:?}");
            let by_us = Ended { ended_by_us: true, ..crashed };
            assert_eq!(life.after(&by_us), another(0));
        }
    }

    #[test]
    fn one_that_we_ended_comes_again_at_once_whatever_it_said() {
        let ended = Ended { ended_by_us: true, ..told("x", Some(true)) };
        assert_eq!(RestartPolicy::default().after(&ended), Next::Again(Duration::ZERO));
    }
}
