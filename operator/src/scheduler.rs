//! Conversations with schedulers: a poller for each cluster whose scheduler a reconciler needs, and calls to retire workers.

mod connect;
mod demand;
mod open;
mod poll_interval;
mod poller;
mod queries;
mod reply_limits;
mod retire;
mod target;

use std::{sync::Arc, time::Duration};

use dask_comm::{Limits, Timeouts};
use dask_operator_core::plan::scheduler_need::SchedulerNeed;

pub use connect::{Direct, PortForward};
pub(crate) use retire::retire;

use crate::{
    context::Context,
    object_ref::{ObjectKey, ObjectRef},
    store::schedulers::LONGEST,
};

/// Bounds on what any scheduler may make us read; how much of it one may is in `reply_limits`.
const LIMITS: Limits = Limits { max_message_bytes: LONGEST, max_frames: 64, max_depth: 32 };
/// A scheduler whose loop is held up by user code answers late; after this long it counts as unreachable.
const TIMEOUTS: Timeouts = Timeouts {
    handshake: Duration::from_secs(3),
    request: Duration::from_secs(5),
    retire: Duration::from_secs(120),
};
/// How often a scheduler is asked while workers leave; less often while nothing comes of it.
const FAST: Duration = Duration::from_millis(500);
/// How soon a group is looked at again after a retirement was not answered.
const RETIRE_FAILED: Duration = Duration::from_millis(200);

/// `subject` needs this much of the cluster's scheduler from now on, and nothing of any other: it is asked for as long as
/// one needs it.
pub(crate) fn want(context: &Arc<Context>, cluster: &ObjectKey, subject: &ObjectRef, need: SchedulerNeed) {
    if context.schedulers.want(cluster, subject, need, context.leadership.may_write()) {
        let (polling, cluster) = (context.clone(), cluster.clone());
        context.spawn(async move { poller::run(&polling, &cluster).await });
    }
}
