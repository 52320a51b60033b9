//! When nothing disturbs the world any more, it comes to rest as it is wanted, and stays so.

use std::time::Duration;

use dask_operator_core::model::pod::PodPhase;

use super::{
    event::{Event, Target},
    fixtures::MAXIMUM,
    rules::Broken,
    world::World,
};

/// Most steps until the world rests.
const STEPS: usize = 150;
/// Steps of a second after which what disturbed the world is over.
const DISTURBED_STEPS: usize = 5;
/// Everything is looked at again after this long, whatever happens.
const RESYNC: Duration = Duration::from_secs(300);
/// How soon the autoscaler asks again.
const POLL: Duration = Duration::from_secs(2);

/// Whether a world was seen before: then it is known how it ends.
pub trait Known {
    /// Whether this one was; it is remembered from now on.
    fn is_known(&mut self, world: &World) -> bool;
}

/// Nothing is remembered.
pub struct Nothing;

impl Known for Nothing {
    fn is_known(&mut self, _: &World) -> bool {
        false
    }
}

impl World {
    /// Nothing disturbs it from now on, no task goes on, and results that would not fit are released.
    pub(crate) fn heal(&mut self) {
        let now = self.now;
        for until in [
            &mut self.kubelet_pause,
            &mut self.silent,
            &mut self.stall,
            &mut self.no_offer,
            &mut self.api.pods_lag,
            &mut self.api.group_lag,
        ] {
            *until = now.min(*until);
        }
        for worker in &mut self.dask.workers {
            worker.frozen = now.min(worker.frozen);
            worker.busy = None;
        }
        if self.dask.target == Target::Error {
            self.dask.target = Target::Value(1);
        }
        let all = self.dask.workers.iter().map(|w| self.dask.bytes(w.keys)).sum::<u64>();
        let room = u64::try_from(self.wanted()).unwrap_or_default() * super::dask::room();
        if all > room {
            self.dask.workers.iter_mut().for_each(|w| w.keys = 0);
        }
    }

    /// How many pods there should be in the end.
    pub(crate) fn wanted(&self) -> usize {
        let n = if self.autoscaled {
            match self.dask.target {
                Target::Value(n) => i32::from(n).min(MAXIMUM),
                Target::Huge => MAXIMUM,
                Target::Error => self.api.group.spec.worker.replicas,
            }
        } else {
            self.api.group.spec.worker.replicas
        };
        usize::try_from(n).unwrap_or_default()
    }

    fn live(&self) -> usize {
        self.api.pods.iter().filter(|p| p.is_live()).count()
    }

    /// Whether all is as it should be, and nothing is under way.
    fn rests(&self) -> bool {
        self.live() == self.wanted()
            && usize::try_from(self.api.group.spec.worker.replicas) == Ok(self.wanted())
            && self.api.pods.iter().all(|p| p.is_live() && p.mark.is_none() && p.phase == PodPhase::Running)
            && self.dask.workers.len() == self.live()
            && self.calls.is_empty()
            && !self.operator.acted
    }

    /// Whether something goes on that needs no waiting for.
    fn is_busy(&self) -> bool {
        self.operator.acted
            || !self.api.is_shown()
            || !self.calls.is_empty()
            || !self.lost_nodes.is_empty()
            || !self.dask.exited.is_empty()
            || self.slow.is_some()
            || self.api.pods.iter().any(|p| p.deleting || p.phase != PodPhase::Running || p.mark.is_some())
            || self.dask.workers.len() != self.live()
    }

    /// How long nothing happens.
    fn idle(&self) -> Duration {
        if self.is_busy() {
            return Duration::from_secs(1);
        }
        let again = self.operator.again.map_or(RESYNC, |t| self.now.until(t).max(Duration::from_secs(1)));
        if self.autoscaled { again.min(POLL) } else { again.min(RESYNC) }
    }

    /// `convergence`: it comes to rest as it is wanted, and then nothing is decided any more.
    pub(crate) fn settle(&mut self, known: &mut impl Known) -> Result<(), Broken> {
        for step in 0..STEPS {
            if known.is_known(self) {
                return Ok(());
            }
            // What has begun ends by itself; what lasts for long is ended.
            if step == DISTURBED_STEPS {
                self.heal();
            }
            let idle = if step < DISTURBED_STEPS { Duration::from_secs(1) } else { self.idle() };
            self.pass(idle, Event::Calm)?;
            if step > DISTURBED_STEPS && self.rests() {
                return self.stays_at_rest();
            }
        }
        Err(Broken::new("convergence", self.describe()))
    }

    /// `quiescence`: a world as it should be leads to nothing, whenever it is looked at.
    fn stays_at_rest(&mut self) -> Result<(), Broken> {
        if let Some(w) = self.dask.workers.iter().find(|w| w.leaving) {
            return Err(Broken::new("none-half-gone", format!("{} was told to leave and stays", w.pod)));
        }
        let changes = self.operator.actions;
        // Time alone may change what a status says once (failures are forgotten), and nothing else.
        for _ in 0..2 {
            self.pass(RESYNC, Event::Calm)?;
            if self.rests() {
                return Ok(());
            }
            if self.operator.actions != changes {
                break;
            }
        }
        Err(Broken::new("quiescence", format!("it rested, and then: {}", self.describe())))
    }

    /// The world in one sentence.
    pub(crate) fn describe(&self) -> String {
        let pods: Vec<_> = self
            .api
            .pods
            .iter()
            .map(|p| {
                let mark = if p.mark.is_some() { " marked" } else { "" };
                format!("{} {:?}{mark}", p.name, p.phase)
            })
            .collect();
        let workers: Vec<_> = self
            .dask
            .workers
            .iter()
            .map(|w| {
                let leaving = if w.leaving { " leaving" } else { "" };
                format!("{} {} bytes{leaving}", w.address, self.dask.bytes(w.keys))
            })
            .collect();
        format!(
            "{} wanted; pods: [{}]; workers: [{}]; {} calls under way",
            self.wanted(),
            pods.join(", "),
            workers.join(", "),
            self.calls.len()
        )
    }
}
