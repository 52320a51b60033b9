//! How long a scheduler was watched and did nothing.

use std::time::Duration;

use dask_operator_core::model::{
    scheduler::{Idle, Snapshot},
    time::Timestamp,
};
use tokio::time::Instant;

/// Since when this process has watched a scheduler do nothing, by its own clocks.
#[derive(Default)]
pub(crate) struct IdleWatch {
    id: String,
    /// By the wall clock and by the monotonic one, when it was last seen busy or asked for the first time.
    since: Option<(Timestamp, Instant)>,
    /// When it was last asked.
    last: Option<Instant>,
}

impl IdleWatch {
    /// Between two answers there may be as much: a process that was suspended has watched nothing.
    const GAP: Duration = Duration::from_secs(60);
    /// The two clocks may differ by as much: more is a clock that was set.
    const DRIFT: Duration = Duration::from_secs(5);

    /// Says in the reading since when.
    pub fn look(&mut self, snapshot: &mut Snapshot) {
        let Some(idle) = snapshot.idle else { return };
        let (wall, now) = (snapshot.read, Instant::now());
        let fits = |(at, then): &(Timestamp, Instant)| {
            let expected = at.plus(now - *then);
            expected.since(wall).max(wall.since(expected)) <= Self::DRIFT
        };
        let goes_on = idle != Idle::Busy
            && self.id == snapshot.id
            && self.last.is_some_and(|t| now - t <= Self::GAP)
            && self.since.as_ref().is_some_and(fits);
        if !goes_on {
            (self.id, self.since) = (snapshot.id.clone(), Some((wall, now)));
        }
        self.last = Some(now);
        snapshot.last_busy = self.since.map(|(at, _)| at);
    }
}
