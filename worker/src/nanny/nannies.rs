//! The nannies of one pod: one for each worker of its command line, mostly one.

use dask_worker_line::WorkerLine;
use futures::stream::{FuturesUnordered, StreamExt};

use super::{Outcome, Pod, run as one};
use crate::{scheduler::Scheduler, signals::Leave};

/// Workers that run the line with the agent as their nannies, until all of them have ended or the pod has to go. It has
/// to go also when one of several fails: a pod that is short of a worker would not be noticed.
///
/// # Errors
/// A port, or a process, cannot be had, and there is no worker.
pub async fn run(
    line: &WorkerLine,
    scheduler: &Scheduler,
    pod: &Pod,
    signals: &mut Leave,
) -> std::io::Result<Outcome> {
    let (ask, leave) = Leave::asked_by();
    let runs = line.each().into_iter().map(async |line| {
        let mut leave = leave.clone();
        one::run(&line, scheduler, pod, &mut leave).await
    });
    let mut running: FuturesUnordered<_> = runs.collect();
    let (mut outcomes, mut asked) = (Vec::new(), false);
    loop {
        tokio::select! {
            // A second one is for who waits for the workers to leave.
            () = signals.asked(), if !asked => {
                asked = true;
                ask.send_replace(());
            }
            next = running.next() => match next {
                Some(outcome) => {
                    if !matches!(outcome, Ok(Outcome::Ended(0) | Outcome::NeedsNanny)) {
                        ask.send_replace(());
                    }
                    outcomes.push(outcome);
                }
                None => return all(outcomes),
            },
        }
    }
}

/// What several outcomes are together: those who have to leave in order come first.
fn all(outcomes: Vec<std::io::Result<Outcome>>) -> std::io::Result<Outcome> {
    let (mut children, mut failed) = (Vec::new(), Outcome::Ended(0));
    let (mut error, mut leaves) = (None, false);
    for outcome in outcomes {
        match outcome {
            Err(one) => error = Some(one),
            Ok(Outcome::Leave(more, _)) => {
                leaves = true;
                children.extend(more);
            }
            Ok(Outcome::Ended(0)) => {}
            Ok(other) => failed = other,
        }
    }
    match (error, failed) {
        (error, failed) if !children.is_empty() => {
            let code = match (error, failed) {
                (None, Outcome::Ended(0)) => None,
                (None, Outcome::Ended(code)) => Some(code),
                _ => Some(1),
            };
            Ok(Outcome::Leave(children, code))
        }
        (Some(error), _) => Err(error),
        (None, Outcome::Ended(0)) if leaves => Ok(Outcome::Leave(children, None)),
        (None, failed) => Ok(failed),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_went_wrong_with_one_of_several_is_told() {
        let of = |outcomes: Vec<Outcome>| all(outcomes.into_iter().map(Ok).collect()).unwrap();
        let ended = |codes: &[i32]| codes.iter().map(|c| Outcome::Ended(*c)).collect::<Vec<_>>();
        assert!(matches!(of(ended(&[0, 0])), Outcome::Ended(0)));
        assert!(matches!(of(ended(&[0, 3])), Outcome::Ended(3)));
        let late = Outcome::NoScheduler(Duration::from_secs(5));
        assert!(matches!(of(vec![Outcome::Ended(0), late]), Outcome::NoScheduler(_)));
        let none = || Outcome::Leave(vec![], None);
        assert!(matches!(of(vec![Outcome::Ended(0), none()]), Outcome::Leave(c, None) if c.is_empty()));
        assert!(matches!(of(vec![Outcome::Ended(1), none()]), Outcome::Ended(1)), "it was asked to for that");
        let error = std::io::Error::other("no port");
        assert!(all(vec![Ok(none()), Err(error)]).is_err());
    }
}
