//! What is stored: tables of objects, the events of each, and the journal of all changes.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, OnceLock},
    task::Waker,
};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    journal::{Act, Change},
    kinds::Kind,
    meta,
};

/// Namespace (empty for kinds without one) and name.
pub(crate) type Key = (String, String);

/// One version of an object.
#[derive(Debug)]
pub(crate) struct Object {
    pub value: Arc<Value>,
    pub version: u64,
    json: OnceLock<Bytes>,
}

impl Object {
    pub(crate) fn new(value: Value, version: u64) -> Arc<Self> {
        Arc::new(Self { value: Arc::new(value), version, json: OnceLock::new() })
    }

    /// Its JSON, made once.
    pub(crate) fn json(&self) -> &Bytes {
        self.json.get_or_init(|| written(&self.value))
    }
}

/// JSON as bytes. (To write it as text first takes twice as long.)
pub(crate) fn written(value: &Value) -> Bytes {
    serde_json::to_vec(value).unwrap_or_default().into()
}

/// A change as a watch sees it.
#[derive(Debug)]
pub(crate) struct Event {
    pub version: u64,
    pub before: Option<Arc<Object>>,
    /// What is stored now, or what was last with the version of its end.
    pub object: Arc<Object>,
    pub is_end: bool,
    /// As most watches send it, made once.
    pub line: OnceLock<Bytes>,
}

impl Event {
    /// The change that made a version.
    fn new(before: Option<Arc<Object>>, object: Arc<Object>) -> Self {
        Self { version: object.version, before, object, is_end: false, line: OnceLock::new() }
    }
}

/// All objects of one kind.
pub(crate) struct Table {
    pub kind: Arc<Kind>,
    pub objects: BTreeMap<Key, Arc<Object>>,
    pub events: VecDeque<Event>,
    /// Nothing is known of before this version.
    pub forgotten: u64,
}

impl Table {
    pub(crate) fn new(kind: Arc<Kind>, forgotten: u64) -> Self {
        Self { kind, objects: BTreeMap::new(), events: VecDeque::new(), forgotten }
    }

    /// The objects as they were at a version; `None` if that is forgotten.
    pub(crate) fn at(&self, version: u64) -> Option<BTreeMap<Key, Arc<Object>>> {
        if version < self.forgotten {
            return None;
        }
        let mut objects = self.objects.clone();
        for event in self.events.iter().rev().take_while(|e| e.version > version) {
            let key = key_of(&event.object.value);
            match &event.before {
                Some(before) => objects.insert(key, before.clone()),
                None => objects.remove(&key),
            };
        }
        Some(objects)
    }
}

/// The key of an object.
pub(crate) fn key_of(object: &Value) -> Key {
    (meta::text(object, "namespace").to_string(), meta::text(object, "name").to_string())
}

/// An open watch, as seen from here.
#[derive(Debug, Default)]
pub(crate) struct Watching {
    pub table: usize,
    pub waker: Option<Waker>,
    pub wants_bookmarks: bool,
    /// A bookmark that waits to be sent.
    pub bookmark: Option<u64>,
    /// To be ended; with an error first, or without.
    pub end: Option<bool>,
}

impl Watching {
    pub(crate) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// Everything that changes.
#[derive(Default)]
pub(crate) struct State {
    pub tables: Vec<Table>,
    pub version: u64,
    /// UIDs and generated names that were given.
    pub given: u64,
    /// Addresses and node ports of services that were given.
    pub addresses: u32,
    /// The first half of the addresses of services.
    pub services: [u8; 2],
    pub journal: Vec<Arc<Change>>,
    pub keeps_journal: bool,
    pub watches: BTreeMap<u64, Watching>,
    pub next_watch: u64,
    pub window: usize,
    /// Tells who waits for any change of the newest version.
    pub newest: tokio::sync::watch::Sender<u64>,
}

impl State {
    /// The table of a resource, by its plural.
    pub(crate) fn table(&self, plural: &str) -> Option<usize> {
        self.tables.iter().position(|t| &*t.kind.plural == plural)
    }

    pub(crate) fn get(&self, table: usize, namespace: &str, name: &str) -> Option<Arc<Object>> {
        let key = (namespace.to_string(), name.to_string());
        self.tables.get(table)?.objects.get(&key).cloned()
    }

    /// Whether an object of a built-in kind is there.
    pub(crate) fn has(&self, plural: &str, namespace: &str, name: &str) -> bool {
        self.table(plural).is_some_and(|t| self.get(t, namespace, name).is_some())
    }

    /// Stores an object in place of what is there.
    pub(crate) fn put(
        &mut self,
        table: usize,
        mut value: Value,
        act: &Act<'_>,
        at: Timestamp,
    ) -> Arc<Object> {
        self.version += 1;
        meta::of(&mut value).insert("resourceVersion".into(), json!(self.version.to_string()));
        let key = key_of(&value);
        let object = Object::new(value, self.version);
        let before = match self.tables.get_mut(table) {
            Some(table) => table.objects.insert(key, object.clone()),
            None => None,
        };
        self.tell(table, Event::new(before, object.clone()), act, at);
        object
    }

    /// Takes an object out; answers it with the version of its end.
    pub(crate) fn take(
        &mut self,
        table: usize,
        key: &Key,
        act: &Act<'_>,
        at: Timestamp,
    ) -> Option<Arc<Object>> {
        let before = self.tables.get_mut(table)?.objects.remove(key)?;
        self.version += 1;
        let mut value = (*before.value).clone();
        meta::of(&mut value).insert("resourceVersion".into(), json!(self.version.to_string()));
        let object = Object::new(value, self.version);
        let event = Event { is_end: true, ..Event::new(Some(before), object.clone()) };
        self.tell(table, event, act, at);
        Some(object)
    }

    fn tell(&mut self, index: usize, event: Event, act: &Act<'_>, at: Timestamp) {
        self.newest.send_replace(self.version);
        let Some(table) = self.tables.get_mut(index) else { return };
        let (namespace, name) = key_of(&event.object.value);
        if self.keeps_journal && !act.is_step {
            self.journal.push(Arc::new(Change {
                version: self.version,
                user: act.user.to_string(),
                verb: act.verb,
                subresource: act.subresource,
                resource: table.kind.plural.clone(),
                namespace,
                name,
                uid: meta::text(&event.object.value, "uid").to_string(),
                before: event.before.as_ref().map(|o| o.value.clone()),
                after: if event.is_end { None } else { Some(event.object.value.clone()) },
                preconditions: act.preconditions.clone(),
                at,
            }));
        }
        table.events.push_back(event);
        while table.events.len() > self.window {
            table.forgotten = table.events.pop_front().map_or(table.forgotten, |e| e.version);
        }
        for watch in self.watches.values_mut().filter(|w| w.table == index) {
            watch.wake();
        }
    }

    /// A new UID.
    pub(crate) fn uid(&mut self) -> String {
        self.given += 1;
        format!("{:08x}-0000-4000-8000-{:012x}", mixed(self.given) >> 32, self.given)
    }

    /// The end of a generated name.
    pub(crate) fn suffix(&mut self) -> String {
        const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
        self.given += 1;
        let mut rest = mixed(self.given);
        let mut suffix = String::with_capacity(5);
        for _ in 0..5 {
            let index = usize::try_from(rest % 27).unwrap_or_default();
            suffix.push(char::from(LETTERS[index]));
            rest /= 27;
        }
        suffix
    }

    /// Forgets all events.
    pub(crate) fn forget(&mut self) {
        for table in &mut self.tables {
            table.events.clear();
            table.forgotten = self.version;
        }
    }
}

/// Spreads a counter over all bits, so that neighbours look different. The same number gives the same answer.
fn mixed(number: u64) -> u64 {
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (spread ^ (spread >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}
