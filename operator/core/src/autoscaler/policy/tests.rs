//! Sizes, choice by choice, and what holds for all of them.

use proptest::prelude::*;

use super::*;
use crate::autoscaler::samples::AGREEING;

const LIMITS: Limits = Limits { minimum: 0, maximum: 10 };
const NOW: Timestamp = Timestamp(100_000);

fn samples(wanted: &[u32]) -> Samples {
    let mut s = Samples::default();
    for (i, w) in wanted.iter().enumerate() {
        s.add("id", Timestamp(90_000 + 1_500 * i64::try_from(i).unwrap()), *w);
    }
    s
}

fn demand(samples: &Samples) -> Demand<'_> {
    Demand {
        samples,
        other_pods: 0,
        other_processes: 0,
        registered: 0,
        last_changes: &[],
        keep: Duration::ZERO,
    }
}

fn pool(size: i32, limits: Limits, processes: u32) -> Pool {
    Pool { size, limits, processes, reserved: 0, missing: 0 }
}

/// The next size of the only group.
fn next_size(size: i32, samples: &Samples, limits: Limits, last_change: Option<Timestamp>) -> i32 {
    let last_changes: Vec<Timestamp> = last_change.into_iter().collect();
    next_sizes(&[pool(size, limits, 1)], &Demand { last_changes: &last_changes, ..demand(samples) }, NOW)[0]
}

#[test]
fn growing_is_at_once_and_bounded() {
    assert_eq!(next_size(0, &samples(&[4]), LIMITS, None), 4);
    assert_eq!(next_size(2, &samples(&[99]), LIMITS, None), 10);
}

#[test]
fn growing_goes_in_steps_that_double() {
    let limits = Limits { minimum: 0, maximum: 100_000 };
    let wrong = samples(&[1_000_000]);
    let sizes: Vec<i32> = [0, 1, 20, 32, 33, 500].map(|n| next_size(n, &wrong, limits, None)).into();
    assert_eq!(sizes, [32, 33, 52, 64, 66, 1000]);
    let pools = [pool(0, limits, 4), pool(40, limits, 1)];
    let all = next_sizes(&pools, &Demand { other_pods: 8, ..demand(&wrong) }, NOW);
    assert_eq!(all, [48, 40], "one step for all groups together, and the others' pods count");
}

#[test]
fn one_zero_removes_no_worker() {
    assert_eq!(next_size(8, &samples(&[0]), LIMITS, None), 8);
    assert_eq!(next_size(8, &samples(&[8, 0, 0]), LIMITS, None), 8);
}

#[test]
fn shrinking_goes_at_once_to_the_most_that_was_wanted_lately() {
    assert_eq!(next_size(8, &samples(&[0, 0, 0]), LIMITS, None), 0);
    assert_eq!(next_size(8, &samples(&[9, 0, 7, 0]), LIMITS, None), 7);
    assert_eq!(
        next_size(14, &samples(&[20, 20, 20]), LIMITS, None),
        10,
        "down to a maximum that was lowered"
    );
}

#[test]
fn what_is_idle_for_a_moment_is_kept() {
    let wanted = samples(&[9, 3, 3, 3, 3, 3]);
    let with = |keep| {
        let keep = Duration::from_millis(keep);
        next_sizes(&[pool(9, LIMITS, 1)], &Demand { keep, ..demand(&wanted) }, Timestamp(97_500))[0]
    };
    assert_eq!([with(0), with(6_000), with(7_500), with(9_000)], [3, 3, 9, 9], "not so long are they known");
}

#[test]
fn samples_in_quick_succession_count_as_one() {
    let mut s = Samples::default();
    for i in 0..20 {
        s.add("id", Timestamp(99_000 + i), 0);
    }
    assert_eq!(next_size(8, &s, LIMITS, None), 8);
}

#[test]
fn samples_of_long_ago_agree_with_none() {
    let mut s = Samples::default();
    for seconds in [61, 63, 93] {
        s.add("id", Timestamp(1_000 * seconds), 0);
    }
    let shrinks = |now| next_sizes(&[pool(8, LIMITS, 1)], &demand(&s), Timestamp(now))[0] < 8;
    assert_eq!([shrinks(91_000), shrinks(93_000)], [true, false]);
}

#[test]
fn a_new_scheduler_must_agree_with_itself() {
    let mut s = samples(&[0, 0, 0]);
    s.add("other", Timestamp(99_000), 0);
    assert_eq!(next_size(8, &s, LIMITS, None), 8);
}

#[test]
fn a_reading_makes_one_step() {
    let read = 90_000;
    let at = |ms: i64| Some(Timestamp(read + ms));
    assert_eq!(next_size(2, &samples(&[9]), LIMITS, at(-999)), 2, "it may be older than the change");
    assert_eq!(next_size(2, &samples(&[9]), LIMITS, at(-1_000)), 9);
    assert_eq!(next_size(2, &samples(&[9]), LIMITS, at(9_000)), 2);
    assert_eq!(next_size(2, &samples(&[9]), LIMITS, at(3_600_000)), 9, "that clock was wrong");
}

#[test]
fn a_minimum_is_not_waited_for() {
    let limits = Limits { minimum: 3, maximum: 5 };
    assert_eq!(next_size(1, &Samples::default(), limits, Some(NOW)), 3);
}

#[test]
fn the_oldest_grows_first_and_the_youngest_shrinks_first() {
    let small = Limits { minimum: 1, maximum: 4 };
    let pools = [pool(1, small, 1), pool(1, LIMITS, 2)];
    assert_eq!(next_sizes(&pools, &demand(&samples(&[11])), NOW), [4, 4]);
    let pools = [pool(4, small, 1), pool(4, LIMITS, 2)];
    assert_eq!(next_sizes(&pools, &demand(&samples(&[9, 9, 9])), NOW), [3, 3], "whole pods");
    let pools = [pool(4, small, 1), pool(0, LIMITS, 2)];
    assert_eq!(next_sizes(&pools, &demand(&samples(&[0, 0, 0])), NOW), [1, 0]);
}

#[test]
fn other_groups_count_as_they_are() {
    let s = samples(&[8, 8, 8]);
    let with = |size, other_processes| {
        next_sizes(&[pool(size, LIMITS, 2)], &Demand { other_processes, ..demand(&s) }, NOW)[0]
    };
    assert_eq!([with(0, 3), with(3, 3), with(3, 8)], [3, 3, 0]);
}

#[test]
fn another_group_takes_over_from_one_whose_pods_do_not_come() {
    let failing = |size, missing| Pool { missing, ..pool(size, LIMITS, 1) };
    let next = |pools: &[Pool], wanted: &[u32], registered| {
        next_sizes(pools, &Demand { registered, ..demand(&samples(wanted)) }, NOW)
    };
    let six = [failing(6, 4), pool(4, LIMITS, 1)];
    assert_eq!(next(&[six[0], pool(0, LIMITS, 1)], &[6], 2), [6, 4]);
    assert_eq!(next(&six, &[6, 6, 6], 2), [6, 4], "those of the other group start");
    assert_eq!(next(&six, &[6, 6, 6], 5), [3, 4]);
    assert_eq!(next(&six, &[6, 6, 6], 6), [2, 4], "they are there");
    assert_eq!(next(&[six[0], pool(0, LIMITS, 1)], &[0, 0, 0], 2), [0, 0], "they are not wanted");
    assert_eq!(next(&[six[0]], &[9, 9, 9], 2), [9], "alone, it grows as ever");
    assert_eq!(next(&[six[0]], &[6, 6, 6], 2), [6], "and not by what does not come");
    assert_eq!(next(&[six[0], pool(9, LIMITS, 1)], &[14], 2), [6, 10], "others first");
    assert_eq!(next(&[six[0], pool(2, LIMITS, 1)], &[10], 2), [6, 8], "and alone, if they may");
    assert_eq!(next(&[six[0], pool(10, LIMITS, 1)], &[18], 2), [8, 10], "then what they may not have");
    let least = Limits { minimum: 5, maximum: 9 };
    let pools = [Pool { missing: 6, ..pool(6, least, 1) }, pool(9, LIMITS, 1)];
    assert_eq!(next(&pools, &[3, 3, 3], 9), [5, 3], "a minimum stays");
}

fn a_pool() -> impl Strategy<Value = Pool> {
    (0..40_i32, 0..10_i32, 0..120_i32, 1..9_u32).prop_map(|(size, minimum, extra, processes)| Pool {
        size,
        limits: Limits { minimum, maximum: minimum + extra },
        processes,
        reserved: 0,
        missing: 0,
    })
}

/// Decides again and again, with this time between two decisions, while the scheduler always says the same.
fn run(pools: &mut [Pool], target: u32, pause: Duration, other_processes: u64) -> Vec<Vec<i32>> {
    let (mut samples, mut now, mut last_changes) = (Samples::default(), NOW, Vec::new());
    let mut history = vec![pools.iter().map(|p| p.size).collect::<Vec<_>>()];
    for _ in 0..2_000 {
        now = now.plus(pause);
        samples.add("id", now, target);
        let demand = Demand { other_processes, last_changes: &last_changes, ..demand(&samples) };
        let sizes = next_sizes(pools, &demand, now);
        pools.iter_mut().zip(&sizes).for_each(|(p, size)| p.size = *size);
        if history.last() != Some(&sizes) {
            last_changes = vec![now];
            history.push(sizes);
        }
    }
    history
}

/// How often a group's size went the other way.
fn turns(history: &[Vec<i32>], group: usize) -> usize {
    let ways: Vec<i32> =
        history.windows(2).map(|w| (w[1][group] - w[0][group]).signum()).filter(|w| *w != 0).collect();
    ways.windows(2).filter(|w| w[0] != w[1]).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn all_groups_settle_on_what_is_wanted_and_do_not_swing(
        mut pools in proptest::collection::vec(a_pool(), 1..5), target in 0..301_u32,
        pause in prop_oneof![Just(2_u64), Just(5), Just(7), Just(15)], other in 0..20_u64,
    ) {
        let before = pools.clone();
        let history = run(&mut pools, target, Duration::from_secs(pause), other);
        prop_assert!(history.len() < 120, "it settles: {history:?}");
        let sizes = history.last().unwrap();
        let samples = samples(&[target]);
        let has = supply(&pools, sizes, &Demand { other_processes: other, ..demand(&samples) });
        for (n, (pool, size)) in pools.iter().zip(sizes).enumerate() {
            prop_assert!((pool.limits.minimum..=pool.limits.maximum).contains(size));
            prop_assert!(turns(&history, n) <= 1, "group {n} swings: {history:?} from {before:?}");
            prop_assert!(
                *size == pool.limits.minimum || has < u64::from(target) + u64::from(pool.processes),
                "group {n} has a pod too many: {sizes:?}"
            );
            prop_assert!(*size == pool.limits.maximum || has >= u64::from(target), "too few: {sizes:?}");
        }
    }

    #[test]
    fn sizes_stay_in_bounds_or_move_towards_them(
        pools in proptest::collection::vec(a_pool(), 1..5), wanted in proptest::collection::vec(0..400_u32, 0..6),
    ) {
        let samples = samples(&wanted);
        let next = next_sizes(&pools, &demand(&samples), NOW);
        let raised: i32 = pools.iter().map(|p| p.size.max(p.limits.minimum)).sum();
        let added: i32 = pools.iter().zip(&next).map(|(p, n)| (n - p.size.max(p.limits.minimum)).max(0)).sum();
        prop_assert!(added <= raised.max(STEP_UP), "{added} more than {raised} at once");
        for (pool, size) in pools.iter().zip(&next) {
            prop_assert!(*size >= pool.limits.minimum.min(pool.size));
            prop_assert!(*size <= pool.limits.maximum.max(pool.size));
            prop_assert!(*size >= pool.size || wanted.len() >= AGREEING, "no data, no shrink");
        }
    }
}

/// The model of two autoscalers that were woken together: 7 tasks made 12 workers, and then 7, 8, 9, 8, 7 for ever.
#[test]
fn no_target_makes_two_groups_swing() {
    let limits = Limits { minimum: 0, maximum: 1_000 };
    for target in 1..=300 {
        let mut pools = [pool(0, limits, 1), pool(0, limits, 1)];
        let history = run(&mut pools, target, Duration::from_secs(2), 0);
        let total: Vec<i32> = history.iter().map(|sizes| sizes.iter().sum()).collect();
        assert_eq!(total.last(), i32::try_from(target).ok().as_ref(), "{history:?}");
        assert!(total.is_sorted(), "{history:?}");
    }
}
