//! Random walks of a group through a small world: what must hold at every step, whatever happens.

mod world;

use proptest::prelude::*;

use self::world::World;

/// What happens to the world between two decisions.
#[derive(Clone, Debug)]
enum Step {
    Resize(i32),
    Start,
    Fail(usize),
    Evict(usize),
    Finish(usize),
    Busy(usize, u64),
    Hold(usize, u64),
    Silent(bool),
    NewScheduler,
    Answer {
        refuse: bool,
        lost: bool,
    },
    /// Another process takes over, whose clock is ahead by so many seconds.
    CrashOperator(u32),
    Autoscale(bool),
    LoseAnswers,
    /// A node is about to go, or none is.
    Threaten(Option<usize>),
    /// A worker takes part in a P2P shuffle, or there is none.
    Shuffle(Option<usize>),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..6_i32).prop_map(Step::Resize),
        4 => Just(Step::Start),
        1 => any::<usize>().prop_map(Step::Fail),
        1 => any::<usize>().prop_map(Step::Evict),
        1 => any::<usize>().prop_map(Step::Finish),
        2 => (any::<usize>(), 0..3_u64).prop_map(|(i, n)| Step::Busy(i, n)),
        1 => (any::<usize>(), 0..700_u64).prop_map(|(i, n)| Step::Hold(i, n)),
        1 => any::<bool>().prop_map(Step::Silent),
        1 => Just(Step::NewScheduler),
        4 => (any::<bool>(), any::<bool>()).prop_map(|(refuse, lost)| Step::Answer { refuse, lost }),
        1 => prop_oneof![Just(0), Just(30), Just(4000)].prop_map(Step::CrashOperator),
        1 => any::<bool>().prop_map(Step::Autoscale),
        1 => Just(Step::LoseAnswers),
        2 => any::<Option<usize>>().prop_map(Step::Threaten),
        2 => any::<Option<usize>>().prop_map(Step::Shuffle),
        3 => (1..40_u64).prop_map(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_the_end_is_as_wanted(
        steps in proptest::collection::vec(step(), 0..60), autoscaled: bool,
    ) {
        let mut world = World::new(autoscaled);
        for step in steps {
            world.apply(step);
            world.turn();
        }
        world.silent = false;
        world.shuffle.clear();
        let calm = |w: &mut World| {
            w.apply(Step::Start);
            for worker in w.workers.values_mut() {
                (worker.busy, worker.bytes) = (0, 0);
            }
            w.apply(Step::Answer { refuse: false, lost: false });
            w.apply(Step::Pass(60));
        };
        for _ in 0..80 {
            calm(&mut world);
            world.turn();
        }
        prop_assert!(world.workers.values().all(|w| !w.leaving), "no worker is left half gone");
        prop_assert_eq!(world.live(), usize::try_from(world.group.spec.worker.replicas).unwrap());
        calm(&mut world);
        prop_assert!(!world.turn(), "nothing is left to do");
    }
}
