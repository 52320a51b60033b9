//! When each status was last written, and what the API server did not keep of it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use dask_operator_core::plan::kind::Kind;
use serde_json::Value;
use tokio::time::Instant;

use crate::{object_ref::ObjectKey, store::cache::Cache};

/// What was last written to each status.
#[derive(Debug, Default)]
pub struct StatusWrites(Mutex<BTreeMap<(Kind, ObjectKey), Writing>>);

/// The last write of a status.
#[derive(Clone, Debug)]
pub(crate) struct Writing {
    pub at: Instant,
    /// What the API server did not keep of it: its definition of the kind is older than ours.
    pub dropped: Option<Value>,
}

impl StatusWrites {
    /// Something is gone: what was written to objects that are not there any more is forgotten.
    pub fn forget(&self, cache: &Cache) {
        self.lock().retain(|(kind, key), _| match kind {
            Kind::Cluster => cache.clusters.contains_key(key),
            Kind::Group => cache.groups.contains_key(key),
            Kind::Autoscaler => cache.autoscalers.contains_key(key),
            Kind::Job => cache.jobs.contains_key(key),
            Kind::Deployment | Kind::Service | Kind::Pod => false,
        });
    }

    /// The last write of this object's status.
    pub(crate) fn last(&self, object: &(Kind, ObjectKey)) -> Option<Writing> {
        self.lock().get(object).cloned()
    }

    /// It was written now, and this of it was not kept.
    pub(crate) fn wrote(&self, object: (Kind, ObjectKey), dropped: Option<Value>) {
        self.lock().insert(object, Writing { at: Instant::now(), dropped });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Kind, ObjectKey), Writing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
