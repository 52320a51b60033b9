//! How much a scheduler may say: in proportion to the pods that we made for its cluster.

use dask_comm::{Budget, CommError, SchedulerClient};

use crate::{context::Context, env::SchedulerStream, object_ref::ObjectKey, store::schedulers::LONGEST};

/// Worker processes that a scheduler may have beside those in our pods, and in each of them.
const WORKERS: (usize, usize) = (100, 64);
/// Bytes of an answer in all, and for each pod: a worker's entry in an identity is 1 to 3 KiB.
const BYTES: (usize, usize) = (464 << 10, 64 << 10);
/// Bytes of an answer about a retirement, in all and for each worker that was asked for: it describes them.
const RETIRED: (usize, usize) = (16 << 10, 4 << 10);

/// What one cluster's scheduler may say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Worker pods that the cluster has, or had until a moment ago.
    pods: usize,
}

impl Allowance {
    /// For the worker pods of the cluster, in whatever state; after more of them, `before` wears off slowly, as a
    /// scheduler keeps workers that went without a word for minutes.
    pub fn of(context: &Context, cluster: &ObjectKey, before: Self) -> Self {
        let pods = {
            let state = context.state.lock();
            let groups = state.cache.groups_of(cluster);
            groups.map(|g| state.cache.workers_of(&g.meta.uid).len()).sum()
        };
        Self::for_pods(pods, before)
    }

    fn for_pods(pods: usize, before: Self) -> Self {
        Self { pods: pods.max(before.pods - before.pods.div_ceil(16)) }
    }

    fn workers(self) -> usize {
        WORKERS.0 + WORKERS.1 * self.pods
    }

    fn bytes(self) -> usize {
        BYTES.1.saturating_mul(self.pods).saturating_add(BYTES.0).min(LONGEST)
    }

    /// Sets the bounds of a connection.
    pub fn set(self, client: &mut SchedulerClient<Box<dyn SchedulerStream>>, budget: &Budget) {
        client.allow(self.workers(), self.bytes(), budget);
    }

    /// Sets the bounds for the answer to a retirement of so many workers, which may be waited for for minutes.
    pub fn set_for_retirement(
        self,
        client: &mut SchedulerClient<Box<dyn SchedulerStream>>,
        budget: &Budget,
        asked: usize,
    ) {
        let bytes = RETIRED.1.saturating_mul(asked).saturating_add(RETIRED.0);
        client.allow(self.workers(), bytes.min(self.bytes()), budget);
    }

    /// An error for a person: where the scheduler said too much, also why that is too much.
    pub fn explain(self, error: &CommError) -> String {
        match error {
            CommError::TooLarge { .. } => format!(
                "{error}, as the cluster has {} worker pods; something else registers workers, or the scheduler is \
                 not one",
                self.pods
            ),
            _ => error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_follow_the_pods_down_slowly() {
        let five = Allowance::for_pods(5, Allowance::default());
        assert_eq!((five.workers(), five.bytes()), (420, 784 << 10));
        assert_eq!(Allowance::for_pods(0, Allowance::default()).bytes(), 464 << 10);
        assert_eq!(Allowance::for_pods(1_000_000, Allowance::default()).bytes(), LONGEST);
        let mut now = Allowance::for_pods(1000, Allowance::default());
        now = Allowance::for_pods(5, now);
        assert_eq!(now.pods, 937);
        for _ in 0..200 {
            now = Allowance::for_pods(5, now);
        }
        assert_eq!(now.pods, 5);
    }

    #[test]
    fn too_much_is_explained() {
        let error = CommError::TooLarge { what: "identity: workers", got: 100_000, limit: 420 };
        let five = Allowance::for_pods(5, Allowance::default());
        assert_eq!(
            five.explain(&error),
            "identity: workers too large: 100000, at most 420 allowed, as the cluster has 5 worker pods; something \
             else registers workers, or the scheduler is not one"
        );
        assert_eq!(five.explain(&CommError::Closed), "connection is closed");
    }
}
