//! Worker pods that outlived their group: nothing owns them, nothing will delete them, and the log says so.

use std::sync::Arc;

use dask_operator_core::model::pod::PodRecord;

use crate::{context::Context, object_ref::ObjectKey};

/// Says which pods of a group that is gone are left, once in a while; answers of how many it said so. They are not deleted: there is no proof left of
/// which group they were, and an orphaning deletion leaves them on purpose.
pub(super) fn tell(context: &Arc<Context>, group: &ObjectKey) -> usize {
    let now = context.now();
    let mut state = context.state.lock();
    let left: Vec<_> = state.cache.strays_of(group).into_iter().filter(|p| is_orphan(p)).collect();
    let Some(first) = left.first() else { return 0 };
    if state.told.again(&format!("orphans of {}/{}", group.namespace, group.name), now) {
        return 0;
    }
    tracing::warn!(
        namespace = group.namespace,
        group = group.name,
        pods = left.len(),
        first = first.name,
        "pods of a worker group that is gone have no owner: nothing will delete them; delete them by the label \
         dask.org/workergroup-name"
    );
    left.len()
}

/// A pod that an operator made and that still runs.
fn is_orphan(pod: &PodRecord) -> bool {
    pod.template_hash.is_some() && pod.is_live()
}

#[cfg(test)]
mod tests {
    use dask_operator_core::model::{pod::PodPhase, uid::Uid};

    use super::*;
    use crate::{store::mapping::Pods, testing::context};

    fn pod(n: usize, owner: Option<&str>, phase: PodPhase) -> PodRecord {
        PodRecord {
            name: format!("g-{n}"),
            uid: n.to_string().into(),
            group: Some("g".into()),
            template_hash: Some("hash".into()),
            owner_uid: owner.map(Uid::from),
            phase,
            ..PodRecord::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pods_that_outlived_their_group_are_told_once() {
        let context = context();
        let group = ObjectKey::new("ns", "g");
        let pods = [
            pod(0, None, PodPhase::Running),
            pod(1, None, PodPhase::Pending),
            pod(2, None, PodPhase::Succeeded),
            pod(3, Some("other"), PodPhase::Running),
            PodRecord { template_hash: None, ..pod(4, None, PodPhase::Running) },
        ];
        for pod in pods {
            context.state.lock().apply::<Pods>(&group.beside(pod.name.as_str()), pod);
        }
        assert_eq!(tell(&context, &group.beside("h")), 0);
        assert_eq!(tell(&context, &group), 2);
        assert_eq!(tell(&context, &group), 0, "not again at each look");
    }
}
