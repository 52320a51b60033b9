//! Asking a scheduler to let workers go.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use dask_operator_core::{
    model::{object::Meta, uid::Uid, worker_address::WorkerAddress},
    plan::action::{RetireCall, RetireStage},
};
use tracing::Instrument;

use super::{RETIRE_FAILED, open, queries::is_leaving, reply_limits::Allowance, target::Target};
use crate::{
    context::Context,
    object_ref::{ObjectKey, ObjectRef},
};

/// Calls `retire_workers` on a connection of its own: it can take long, and even hang. The group's
/// memory learns the outcome.
pub(crate) fn retire(context: &Arc<Context>, subject: &ObjectRef, group: &Meta, call: RetireCall) {
    let (asking, subject, uid) = (context.clone(), subject.clone(), group.uid.clone());
    let ObjectKey { namespace, name } = subject.key();
    let span =
        tracing::info_span!("retire", namespace, group = name, uid = uid.as_str(), stage = ?call.stage);
    let retired = async move {
        let context = asking;
        let cluster = {
            let state = context.state.lock();
            state.cache.group_by_uid(&uid).map(|g| ObjectKey::of(&g.meta).beside(g.spec.cluster.as_str()))
        };
        let accepted = match &cluster {
            Some(_) if !context.leadership.may_write() => Err("another operator leads".into()),
            Some(cluster) => call_scheduler(&context, cluster, &uid, &call).await,
            None => Err("the group is gone".into()),
        };
        match &accepted {
            Ok(accepted) => {
                tracing::info!(asked = call.addresses.len(), accepted = accepted.len(), "retired workers");
            }
            Err(why) => tracing::warn!(asked = call.addresses.len(), why, "retirement was not answered"),
        }
        let now = context.now();
        if let Some(memory) = context.state.lock().groups.get_mut(&uid) {
            memory.retired(&call, accepted.as_ref().ok(), now);
        }
        if let Some(cluster) = cluster {
            context.schedulers.wake(&cluster);
        }
        context.enqueue_after(subject, if accepted.is_ok() { Duration::ZERO } else { RETIRE_FAILED });
    };
    context.spawn(retired.instrument(span));
}

async fn call_scheduler(
    context: &Context,
    cluster: &ObjectKey,
    group: &Uid,
    call: &RetireCall,
) -> Result<BTreeSet<WorkerAddress>, String> {
    let target = Target::of(context, cluster).ok_or("there is no scheduler pod")?;
    let mut client = open::connect(context, &target.address).await.map_err(|e| e.to_string())?;
    let allowance = Allowance::of(context, cluster, Allowance::default());
    allowance.set(&mut client, &context.schedulers.budget);
    let identity = client.identity().await.map_err(|e| allowance.explain(&e))?;
    if identity.id != call.scheduler {
        return Err("the scheduler is another one by now".into());
    }
    let close = call.stage == RetireStage::Close;
    let is_fresh =
        |a: &WorkerAddress| identity.workers.get(a.as_str()).is_some_and(|w| !is_leaving(w.status));
    if close && call.addresses.iter().any(is_fresh) {
        return Err("a worker has begun again where one was drained: it is drained first".into());
    }
    if !context.leadership.may_write() {
        return Err("another operator leads by now".into());
    }
    // The scheduler may have taken seconds to answer, and marks of a call that was forgotten may be gone by now.
    if !context.state.lock().groups.get(group).is_some_and(|memory| memory.is_calling(call)) {
        return Err("the call was forgotten, because the clock was set".into());
    }
    let addresses: Vec<String> = call.addresses.iter().map(ToString::to_string).collect();
    allowance.set_for_retirement(&mut client, &context.schedulers.budget, addresses.len());
    let retired = client.retire_workers(&addresses, close, close).await.map_err(|e| e.to_string())?;
    Ok(retired.into_iter().map(WorkerAddress::from).collect())
}
