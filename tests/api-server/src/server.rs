//! The server: what it is made of, and what may be asked of it without HTTP.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    asked::Asked,
    call::Call,
    create,
    definitions::{DEFINITIONS, Definitions},
    journal::{Act, Change, Verb},
    kinds::{self, Kind},
    request::Target,
    service::Service,
    status::Status,
    store::{State, Table},
};

/// How a server behaves.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Whether managedFields are kept (needed for server-side apply; costs time).
    pub managed_fields: bool,
    /// How many events of the past a watch may start from, per resource (older: 410 Gone "Expired").
    pub window: usize,
    /// Whether every change is kept for [`ApiServer::journal`]; a server that runs for days has no room for that.
    pub journal: bool,
    /// The first half of the addresses that Services get.
    pub services: [u8; 2],
}

impl Default for Settings {
    fn default() -> Self {
        Self { managed_fields: false, window: 1000, journal: true, services: [10, 96] }
    }
}

type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// What all clones of a server and its watches have in common.
pub(crate) struct Shared {
    state: Mutex<State>,
    clock: Clock,
    pub settings: Settings,
}

impl Shared {
    /// The state. A panic while it was held has failed a test already.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

/// A Kubernetes API server in memory. Cheap to clone; clones are the same server.
#[derive(Clone)]
pub struct ApiServer {
    pub(crate) shared: Arc<Shared>,
}

/// The user of what the server does by itself.
pub(crate) const SYSTEM: &str = "system:apiserver";

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiServer").finish_non_exhaustive()
    }
}

impl ApiServer {
    /// A server with this clock. It knows the built-in kinds; the namespaces `default` and `kube-system` exist.
    pub fn new(clock: impl Fn() -> Timestamp + Send + Sync + 'static, settings: Settings) -> Self {
        let tables = kinds::builtin().iter().map(|kind| Table::new(kind.clone(), 0)).collect();
        let Settings { window, journal, services, .. } = settings;
        let state = State { tables, window, keeps_journal: journal, services, ..State::default() };
        let shared = Shared { state: Mutex::new(state), clock: Box::new(clock), settings };
        let server = Self { shared: Arc::new(shared) };
        for name in ["default", "kube-system"] {
            let body = json!({"metadata": {"name": name}});
            // Nothing can be wrong with these.
            let _ =
                server.call(SYSTEM, Call::Create { resource: "namespaces", namespace: String::new(), body });
        }
        let mut state = server.shared.lock();
        state.journal.clear();
        state.forget();
        drop(state);
        server
    }

    /// A server that has the kinds of these definitions, too.
    pub fn with_definitions(
        definitions: &Definitions,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
        settings: Settings,
    ) -> Self {
        let server = Self::new(clock, settings);
        let mut state = server.shared.lock();
        for kind in &definitions.kinds {
            state.tables.push(Table::new(kind.clone(), definitions.version));
        }
        if let Some(table) = state.table(DEFINITIONS).and_then(|t| state.tables.get_mut(t)) {
            table.objects.clone_from(&definitions.objects);
        }
        (state.version, state.given) = (definitions.version, definitions.given);
        state.forget();
        drop(state);
        server
    }

    /// Installs a CustomResourceDefinition, which is served at once.
    ///
    /// # Errors
    /// The definition is refused, or needs what this server does not do.
    pub fn install(&self, crd: &Value) -> Result<(), Status> {
        let kind = Arc::new(Kind::of_definition(crd)?);
        self.add(crd, &kind)
    }

    fn add(&self, crd: &Value, kind: &Arc<Kind>) -> Result<(), Status> {
        let mut state = self.shared.lock();
        let table = state.table(DEFINITIONS).ok_or_else(Status::no_resource)?;
        let definition = state.tables.get(table).map(|t| t.kind.clone()).ok_or_else(Status::no_resource)?;
        let target =
            Target { table, kind: definition, namespace: String::new(), name: None, subresource: None };
        let act = Act::new(SYSTEM, Verb::Create, None);
        let mut asked = Asked::plain(&self.shared, &target, act);
        create::stored(&mut state, &mut asked, crd.clone(), Some(kind.clone()))?;
        Ok(())
    }

    /// A service for kube's client; `user` stands in the journal.
    pub fn service(&self, user: &str) -> Service {
        Service::new(self.clone(), user)
    }

    /// The same without HTTP and without futures.
    ///
    /// # Errors
    /// What the request is refused with.
    pub fn call(&self, user: &str, call: Call) -> Result<Arc<Value>, Status> {
        crate::call::run(&self.shared, user, call)
    }

    /// All objects of a resource, by namespace and name.
    pub fn objects(&self, plural: &str) -> Vec<Arc<Value>> {
        let state = self.shared.lock();
        let table = state.table(plural).and_then(|t| state.tables.get(t));
        table.into_iter().flat_map(|t| t.objects.values()).map(|o| o.value.clone()).collect()
    }

    /// One object.
    pub fn object(&self, plural: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let state = self.shared.lock();
        let table = state.table(plural)?;
        state.get(table, namespace, name).map(|o| o.value.clone())
    }

    /// Every change since `from` (an index), in order. Dry runs and updates that change nothing are none.
    pub fn journal(&self, from: usize) -> Vec<Arc<Change>> {
        self.shared.lock().journal.get(from..).unwrap_or_default().to_vec()
    }

    /// How many changes there were.
    pub fn journal_len(&self) -> usize {
        self.shared.lock().journal.len()
    }

    /// Waits for a version after `seen`, and answers the newest one.
    pub async fn changed(&self, seen: u64) -> u64 {
        let mut newest = self.shared.lock().newest.subscribe();
        let reached = newest.wait_for(|version| *version > seen).await.map(|version| *version);
        // The sender lives as long as the server.
        reached.unwrap_or(seen)
    }

    /// One pass of the garbage collector. Answers how many objects it changed.
    pub fn collect_garbage(&self) -> usize {
        crate::garbage::collect(&self.shared)
    }

    /// Forgets the past: a watch from an older resourceVersion gets 410.
    pub fn compact(&self) {
        self.shared.lock().forget();
    }

    /// Ends all watches now; with `gone`, after an ERROR event with code 410.
    pub fn close_watches(&self, gone: bool) {
        for watch in self.shared.lock().watches.values_mut() {
            watch.end = Some(gone);
            watch.wake();
        }
    }

    /// Sends a bookmark with the present version to all watches that asked for bookmarks.
    pub fn bookmark(&self) {
        let mut state = self.shared.lock();
        let version = state.version;
        for watch in state.watches.values_mut().filter(|w| w.wants_bookmarks) {
            watch.bookmark = Some(version);
            watch.wake();
        }
    }

    /// How many watches are open.
    pub fn watches(&self) -> usize {
        self.shared.lock().watches.values().filter(|w| w.end.is_none()).count()
    }
}
