//! CustomResourceDefinitions, prepared once for many servers.

use std::{collections::BTreeMap, fmt, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    kinds::{self, Kind},
    server::{ApiServer, Settings},
    status::Status,
    store::{Key, Object},
};

/// The resource that definitions are.
pub(crate) const DEFINITIONS: &str = "customresourcedefinitions";

/// CustomResourceDefinitions, parsed, compiled and installed once, for as many servers as need them. They are as old as the
/// Unix epoch.
#[derive(Default)]
pub struct Definitions {
    pub(crate) kinds: Vec<Arc<Kind>>,
    pub(crate) objects: BTreeMap<Key, Arc<Object>>,
    pub(crate) version: u64,
    pub(crate) given: u64,
}

impl fmt::Debug for Definitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Definitions").finish_non_exhaustive()
    }
}

impl Definitions {
    /// Prepares definitions.
    ///
    /// # Errors
    /// One of them is refused, or needs what this server does not do.
    pub fn new<'a>(definitions: impl IntoIterator<Item = &'a Value>) -> Result<Self, Status> {
        let server = ApiServer::new(|| Timestamp::UNIX_EPOCH, Settings::default());
        for definition in definitions {
            server.install(definition)?;
        }
        let state = server.shared.lock();
        let table = state.table(DEFINITIONS).and_then(|t| state.tables.get(t));
        Ok(Self {
            kinds: state.tables.iter().skip(kinds::builtin().len()).map(|t| t.kind.clone()).collect(),
            objects: table.map(|t| t.objects.clone()).unwrap_or_default(),
            version: state.version,
            given: state.given,
        })
    }
}
