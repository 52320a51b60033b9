//! One conversation, whatever is asked and by whom, and what is known when it ends.

use std::future::poll_fn;

use super::*;
use crate::fake_scheduler::{Fake, map};

fn runs_nothing(op: &str, _: &dask_comm::Value) -> dask_comm::Value {
    if op == "silence" { "silent".into() } else { map(&[]) }
}

async fn ask(scheduler: &Scheduler) -> Result<usize, AskError> {
    scheduler
        .ask(|c| async move { c.running(&["tcp://127.0.0.1:1".into()]).await.map(|r| r.len()) }.boxed())
        .await
}

#[tokio::test]
async fn all_questions_go_through_one_connection() {
    let fake = Fake::start(runs_nothing).await;
    let scheduler = fake.scheduler();
    for asking in [scheduler.clone(), scheduler.clone()] {
        for _ in 0..10 {
            assert_eq!(ask(&asking).await.unwrap(), 0);
        }
    }
    assert_eq!((fake.connections(), fake.asked("ncores_running")), (1, 20));
    assert_eq!(scheduler.conversation().await.unwrap(), 1);
    assert!(scheduler.connection().is_open(1) && !scheduler.connection().is_open(2));
}

#[tokio::test]
async fn a_question_that_is_not_waited_for_does_not_end_the_conversation() {
    let fake = Fake::start(runs_nothing).await;
    let scheduler = fake.scheduler();
    for _ in 0..5 {
        let mut asked = Box::pin(ask(&scheduler));
        // It is begun, and dropped.
        poll_fn(|cx| {
            let _ = asked.as_mut().poll(cx);
            std::task::Poll::Ready(())
        })
        .await;
    }
    ask(&scheduler).await.unwrap();
    assert_eq!((fake.connections(), fake.asked("ncores_running")), (1, 6));
}

#[tokio::test]
async fn a_conversation_that_goes_on_is_not_doubted_because_no_other_can_be_had() {
    let mut fake = Fake::start(runs_nothing).await;
    let scheduler = fake.scheduler();
    ask(&scheduler).await.unwrap();
    fake.unreachable().await;
    ask(&scheduler).await.unwrap();
    let contact = scheduler.connection().facts().contact;
    assert!(contact.talked && contact.reaches && !contact.broken && scheduler.connection().is_open(1));
}

#[tokio::test]
async fn its_end_is_seen_without_a_question_and_then_it_is_looked_for() {
    let mut fake = Fake::start(runs_nothing).await;
    let scheduler = fake.scheduler();
    ask(&scheduler).await.unwrap();
    fake.hang_up().await;
    while scheduler.connection().is_open(1) {
        tokio::task::yield_now().await;
    }
    assert!(scheduler.connection().facts().contact.broken);
    ask(&scheduler).await.unwrap();
    let contact = scheduler.connection().facts().contact;
    assert_eq!((scheduler.connection().facts().number, contact.broken), (2, false), "another one");
    fake.unreachable().await;
    fake.hang_up().await;
    while scheduler.connection().is_open(2) {
        tokio::task::yield_now().await;
    }
    assert!(ask(&scheduler).await.is_err());
    let contact = scheduler.connection().facts().contact;
    assert!(contact.talked && contact.broken && !contact.reaches);
}

#[tokio::test]
async fn one_that_waits_for_an_answer_goes_on() {
    let fake = Fake::start(runs_nothing).await;
    let scheduler = fake.scheduler();
    scheduler.conversation().await.unwrap();
    let waits = scheduler.clone();
    let asked = tokio::spawn(async move {
        waits.ask(|c| async { c.connection().request("silence", vec![]).await.map(drop) }.boxed()).await
    });
    while fake.asked("silence") == 0 {
        tokio::task::yield_now().await;
    }
    assert!(scheduler.connection().is_open(1), "a loop that is held is no other scheduler");
    asked.abort();
}

#[tokio::test]
async fn an_address_that_does_not_resolve_is_not_a_scheduler_that_is_gone() {
    let scheduler = Scheduler::at("tcp://no-such-host.invalid:8786", None).unwrap();
    assert!(ask(&scheduler).await.is_err());
    assert_eq!(scheduler.connection().facts().contact, Contact::default());
}

#[test]
fn a_wait_is_told_ever_more_seldom() {
    let mut told = Vec::new();
    for second in 0..200 {
        if is_due(Duration::from_secs(second), u32::try_from(told.len()).unwrap()) {
            told.push(second);
        }
    }
    assert_eq!(told, [10, 20, 40, 80, 160]);
}
