use proptest::prelude::*;

use super::*;

const A: &str = "tcp://10.0.0.1:1";

fn seconds(n: f64) -> Duration {
    Duration::from_secs_f64(n)
}

fn mine(leaving: bool, busy: bool, last_seen: f64) -> PodWorker {
    PodWorker { address: A.into(), leaving, busy, holds: true, last_seen }
}

fn seen(worker: PodWorker) -> Seen {
    Seen { mine: vec![worker], recipients: 2, ..Seen::default() }
}

/// There was a conversation, and it broke; nothing takes connections.
const BROKEN: Contact = Contact { talked: true, broken: true, reaches: false, said_goodbye: false };

fn within(limit: f64) -> Leaving {
    Leaving::within(seconds(limit), Contact { talked: true, reaches: true, ..Contact::default() })
}

fn accept() -> BTreeSet<String> {
    BTreeSet::from([A.into()])
}

fn list() -> Vec<String> {
    vec![A.into()]
}

/// Drained at second 0, with a heartbeat of second 0.
fn drained() -> Leaving {
    let mut leaving = within(30.0);
    assert_eq!(leaving.next(seconds(0.0), seen(mine(false, true, 0.0))), Step::Drain(list()));
    leaving.drained(seconds(0.1), &list(), &accept());
    leaving
}

#[test]
fn a_worker_is_drained_finishes_and_is_closed() {
    let mut l = drained();
    assert_eq!(l.next(seconds(0.5), seen(mine(true, true, 0.5))), Step::Wait, "it works");
    assert_eq!(l.next(seconds(1.0), seen(mine(true, false, 1.0))), Step::Close(list()));
    l.closed(seconds(1.1), &list(), &accept());
    assert_eq!(l.next(seconds(1.5), Seen { recipients: 2, ..Seen::default() }), Step::End(Ending::Left));
}

#[test]
fn numbers_of_before_it_was_drained_do_not_count() {
    let mut l = drained();
    for _ in 0..5 {
        assert_eq!(l.next(seconds(0.5), seen(mine(true, false, 0.0))), Step::Wait, "no heartbeat came");
    }
    assert_eq!(l.next(seconds(0.7), seen(mine(true, false, 0.6))), Step::Wait, "it may be of just before");
    assert_eq!(l.next(seconds(1.2), seen(mine(true, false, 1.1))), Step::Close(list()));
}

#[test]
fn without_a_worker_there_is_nothing_to_do() {
    let mut l = within(30.0);
    assert_eq!(l.next(seconds(0.0), Seen::default()), Step::End(Ending::NoWorker));
}

#[test]
fn a_refusal_is_asked_again_a_little_later_until_the_time_is_over() {
    let mut l = within(3.0);
    let mut asked = 0;
    for tenth in 0..30 {
        let now = seconds(f64::from(tenth) / 10.0);
        if let Step::Drain(list) = l.next(now, seen(mine(false, false, 0.0))) {
            asked += 1;
            l.drained(now, &list, &BTreeSet::new());
        }
    }
    assert_eq!(asked, 3);
    assert_eq!(l.next(seconds(3.0), seen(mine(false, false, 0.0))), Step::End(Ending::OutOfTime));
}

#[test]
fn a_task_that_runs_too_long_is_left() {
    let mut l = drained();
    assert_eq!(l.next(seconds(30.0), seen(mine(true, true, 29.0))), Step::End(Ending::Busy));
}

/// Two workers on a node that is drained, a survivor that is evicted: the operator makes others.
#[test]
fn where_all_others_leave_too_a_replacement_is_waited_for() {
    let unanswered = |m| Seen { recipients: 0, ..seen(m) };
    let mut l = within(116.0);
    let mut asked = Vec::new();
    for second in 0..90 {
        match l.next(seconds(f64::from(second)), unanswered(mine(false, false, f64::from(second)))) {
            Step::Drain(list) => {
                asked.push(second);
                l.drained(seconds(f64::from(second)), &list, &BTreeSet::new());
            }
            other => assert_eq!(other, Step::Wait, "{second}"),
        }
    }
    assert!(asked.len() > 10 && asked.len() < 25, "asked seldom while nothing can change: {asked:?}");
    // It comes just after the scheduler was asked.
    let last = f64::from(*asked.last().unwrap());
    let come = l.next(seconds(last + 1.5), seen(mine(false, false, 90.0)));
    assert_eq!(come, Step::Drain(list()), "asked at once");
}

#[test]
fn a_refusal_is_believed_until_the_time_is_over() {
    let unanswered = || Seen { recipients: 0, ..seen(mine(false, false, 0.0)) };
    let mut l = within(116.0);
    assert_eq!(l.next(seconds(0.0), unanswered()), Step::Drain(list()));
    l.drained(seconds(0.0), &list(), &BTreeSet::new());
    assert_eq!(l.next(seconds(115.9), unanswered()), Step::Drain(list()));
    assert_eq!(l.next(seconds(116.0), unanswered()), Step::End(Ending::OutOfTime));
}

#[test]
fn one_that_is_back_in_service_is_drained_again() {
    let mut l = drained();
    assert_eq!(l.next(seconds(1.0), seen(mine(false, false, 1.0))), Step::Drain(list()));
}

#[test]
fn a_shuffle_of_its_own_is_waited_for_a_little_and_never_half_of_the_time() {
    let takes_part = || Seen { takes_part: true, ..seen(mine(false, true, 0.0)) };
    let mut l = within(116.0);
    assert_eq!(l.next(seconds(9.9), takes_part()), Step::Wait);
    assert!(l.may_be_held_up(seconds(9.9)) && !l.may_be_held_up(seconds(10.0)));
    assert_eq!(l.next(seconds(10.0), takes_part()), Step::Drain(list()));
    let mut short = within(6.0);
    assert_eq!(short.next(seconds(2.9), takes_part()), Step::Wait);
    assert_eq!(short.next(seconds(3.0), takes_part()), Step::Drain(list()));
    let mut other = within(116.0);
    assert_eq!(
        other.next(seconds(0.0), seen(mine(false, true, 0.0))),
        Step::Drain(list()),
        "others' shuffles"
    );
}

#[test]
fn a_scheduler_is_gone_when_its_conversation_broke_and_no_other_one_can_be_had() {
    let mut l = drained();
    assert_eq!(l.unanswered(seconds(1.0), BROKEN), Step::Wait);
    assert_eq!(l.unanswered(seconds(10.9), BROKEN), Step::Wait);
    assert_eq!(l.unanswered(seconds(11.0), BROKEN), Step::End(Ending::SchedulerLost));
    assert_eq!(Ending::SchedulerLost.code(), Some(75), "it is told");
}

#[test]
fn one_that_closed_in_order_is_gone_at_once() {
    let mut l = drained();
    let closed = Contact { said_goodbye: true, ..BROKEN };
    let busy = Contact { reaches: true, ..closed };
    assert_eq!(l.unanswered(seconds(1.0), busy), Step::Wait, "it is closing");
    assert_eq!(l.unanswered(seconds(1.3), closed), Step::End(Ending::SchedulerLost));
}

#[test]
fn a_scheduler_that_is_busy_or_out_of_reach_is_not_gone() {
    let mut l = drained();
    for tenth in 0..250 {
        let now = seconds(1.0 + f64::from(tenth) / 10.0);
        // Its name does not resolve, and the conversation was given up by us.
        let unresolved = Contact { broken: false, ..BROKEN };
        assert_eq!(l.unanswered(now, unresolved), Step::Wait);
    }
    let mut l = drained();
    for second in 1..25 {
        // Endpoints come and go.
        let contact = Contact { reaches: second % 8 == 0, ..BROKEN };
        assert_eq!(l.unanswered(seconds(f64::from(second)), contact), Step::Wait, "{second}");
    }
    let mut l = drained();
    for second in [1.0, 9.0, 12.0, 20.0] {
        assert_eq!(l.unanswered(seconds(second), BROKEN), Step::Wait, "{second}");
        let _ = l.next(seconds(second + 0.5), seen(mine(true, true, 0.0)));
    }
}

#[test]
fn a_scheduler_that_was_never_reached_is_no_scheduler_that_is_gone() {
    let never = Contact::default();
    let mut l = Leaving::within(seconds(116.0), never);
    assert_eq!(l.unanswered(seconds(0.0), never), Step::Wait);
    assert_eq!(l.unanswered(seconds(9.9), never), Step::Wait);
    assert_eq!(l.out_of_time(), Ending::NeverReached);
    assert_eq!(l.unanswered(seconds(10.0), never), Step::End(Ending::NeverReached));
    assert_eq!(Ending::NeverReached.code(), Some(75), "it is told");
}

#[test]
fn another_scheduler_knows_nothing_of_these_workers() {
    let mut l = drained();
    let other = Seen { scheduler: "another".into(), ..seen(mine(true, true, 1.0)) };
    assert_eq!(l.next(seconds(1.0), other), Step::End(Ending::SchedulerLost));
}

#[test]
fn workers_that_held_nothing_lost_nothing() {
    let mut l = drained();
    let empty = PodWorker { holds: false, ..mine(true, false, 0.0) };
    assert_eq!(l.next(seconds(0.5), seen(empty)), Step::Wait);
    l.unanswered(seconds(1.0), BROKEN);
    assert_eq!(l.unanswered(seconds(11.0), BROKEN), Step::End(Ending::NothingHeld));
    assert_eq!(Ending::NothingHeld.code(), None);
    // One that may have got a task since is not known to hold nothing.
    let mut l = within(30.0);
    l.next(seconds(0.0), seen(PodWorker { holds: false, ..mine(false, false, 0.0) }));
    l.unanswered(seconds(1.0), BROKEN);
    assert_eq!(l.unanswered(seconds(11.0), BROKEN), Step::End(Ending::SchedulerLost));
}

proptest! {
    /// Whatever the scheduler says, it ends in time, and no worker is closed that was not drained and idle.
    #[test]
    fn it_ends_and_closes_no_worker_at_work(
        looks in proptest::collection::vec((any::<bool>(), any::<bool>(), any::<bool>(), 0..3_usize, any::<bool>(), any::<bool>()), 1..60)
    ) {
        let mut l = within(20.0);
        let (mut ended, mut accepted) = (false, false);
        for (i, (there, leaving, busy, recipients, takes_part, accepts)) in looks.into_iter().enumerate() {
            let now = seconds(0.4 * i as f64);
            let worker = mine(leaving, busy, now.as_secs_f64());
            let now_seen = Seen { mine: if there { vec![worker] } else { Vec::new() }, recipients, takes_part, ..Seen::default() };
            match l.next(now, now_seen) {
                Step::Drain(list) => {
                    accepted = accepts;
                    l.drained(now, &list, &if accepts { accept() } else { BTreeSet::new() });
                }
                Step::Close(_) => prop_assert!(accepted && leaving && !busy),
                Step::End(_) => { ended = true; break; }
                Step::Wait => {}
            }
        }
        let late = l.next(seconds(21.0), seen(mine(false, true, 21.0)));
        prop_assert!(ended || matches!(late, Step::End(_)));
    }
}
