//! One run: a workload, a cluster and a contender, from the first event until nothing is left to see.

use crate::{
    contender::Contender,
    outcome::Outcome,
    setup::Setup,
    timeline::{Sample, Timeline},
    workload::Workload,
    world::World,
};

/// Workers that are left this long after all work is done are counted up to here: some never go.
pub const AFTERWARDS: u64 = 600_000;
/// A run ends here, whatever is left: a week.
const LONGEST: u64 = 7 * 24 * 3_600_000;

/// Runs the workload to its end.
pub fn run(workload: &Workload, setup: &Setup, contender: &mut dyn Contender) -> Outcome {
    let mut world = World::new(workload, setup);
    let (mut timeline, mut changes, mut done_at) = (Timeline::default(), 0, None);
    world.tick_in(0);
    while let Some(is_tick) = world.step() {
        if done_at.is_none() && world.is_done() {
            done_at = Some(world.now);
        }
        if is_tick {
            let before = pods(&world);
            contender.act(&mut world);
            changes += usize::from(pods(&world) != before);
            timeline.add(Sample::of(&world));
            world.tick_in(contender.interval());
        }
        let minimum: usize = setup.groups.iter().map(|g| g.minimum).sum();
        let is_over =
            done_at.is_some_and(|done| world.now > done + AFTERWARDS || pods(&world) <= minimum && is_tick);
        if is_over || world.now > LONGEST {
            break;
        }
    }
    Outcome::of(&world, done_at, changes, timeline)
}

fn pods(world: &World<'_>) -> usize {
    world.live().count()
}
