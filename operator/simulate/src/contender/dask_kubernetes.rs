//! dask-kubernetes' operator (2024.5 to 2026.3): `daskautoscaler_adapt` and `daskworkergroup_replica_update`.

use crate::{
    contender::{
        Contender,
        adaptive_target::{adaptive_target, workers_to_close},
    },
    world::World,
};

/// Seconds after a change in which nothing is changed again.
const COOLDOWN: u64 = 15_000;

/// It scales the first group and no other.
#[derive(Clone, Debug, Default)]
pub struct DaskKubernetes {
    replicas: usize,
    changed: Option<u64>,
}

impl Contender for DaskKubernetes {
    fn name(&self) -> &'static str {
        "dask-kubernetes"
    }

    fn interval(&self) -> u64 {
        5_000
    }

    fn act(&mut self, world: &mut World<'_>) {
        let group = &world.setup.groups[0];
        let cools_down = self.changed.is_some_and(|at| world.now < at + COOLDOWN);
        if !cools_down {
            let mut desired = adaptive_target(world).clamp(group.minimum, group.maximum);
            if self.replicas > 0 {
                let down = (self.replicas / 4).max(1);
                desired = desired.max(self.replicas - down);
            }
            if desired != self.replicas {
                (self.replicas, self.changed) = (desired, Some(world.now));
            }
        }
        let pods = world.pods(0).count();
        if self.replicas > pods {
            world.grow(0, self.replicas - pods);
        } else {
            // Pods that have not started do not count: the scheduler is asked who may go.
            workers_to_close(world, Some(pods - self.replicas)).into_iter().for_each(|w| world.retire(w));
        }
    }
}
