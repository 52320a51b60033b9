//! Dask's own `Adaptive`, as `cluster.adapt()` runs it beside the client: `AdaptiveCore.recommendations`.

use std::collections::BTreeMap;

use crate::{
    contender::{
        Contender,
        adaptive_target::{adaptive_target, workers_to_close},
    },
    world::World,
};

/// `distributed.adaptive.wait-count`.
const WAIT_COUNT: u32 = 3;

/// It scales the first group and no other.
#[derive(Clone, Debug, Default)]
pub struct Adaptive {
    /// How often in a row each worker was one too many.
    close_counts: BTreeMap<usize, u32>,
}

impl Contender for Adaptive {
    fn name(&self) -> &'static str {
        "Adaptive"
    }

    fn interval(&self) -> u64 {
        1_000
    }

    fn act(&mut self, world: &mut World<'_>) {
        let group = &world.setup.groups[0];
        let target = adaptive_target(world).clamp(group.minimum, group.maximum);
        let plan = world.pods(0).count();
        if target >= plan {
            self.close_counts.clear();
            world.grow(0, target - plan);
            return;
        }
        let starting = world.pods(0).filter(|(_, w)| w.is_starting()).map(|(n, _)| n);
        let mut closing: Vec<usize> = starting.take(plan - target).collect();
        if plan - closing.len() > target {
            let up = world.up().count();
            closing.extend(workers_to_close(world, Some(up.saturating_sub(target))));
        }
        let mut counts = BTreeMap::new();
        for worker in closing {
            let count = self.close_counts.get(&worker).copied().unwrap_or(0) + 1;
            if count >= WAIT_COUNT {
                world.retire(worker);
            } else {
                counts.insert(worker, count);
            }
        }
        self.close_counts = counts;
    }
}
