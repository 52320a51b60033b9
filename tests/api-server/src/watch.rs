//! A watch: the body of an answer that goes on as long as its client listens.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    kinds::Kind,
    meta,
    partial::View,
    selector::Selector,
    server::Shared,
    status::Status,
    store::{Event, Object, State, Watching, written},
};

/// So many seconds before its end, a watch tells how far it came.
const BEFORE_THE_END: u64 = 2;

/// What is watched, and from where on.
pub(crate) struct Order {
    pub table: usize,
    /// Empty for all namespaces.
    pub namespace: String,
    pub selector: Selector,
    pub view: View,
    /// After this version; none: beginning with what is there.
    pub from: Option<u64>,
    pub bookmarks: bool,
    /// Whether the end of what is there is told by a bookmark.
    pub initial_end: bool,
    pub timeout: Option<u64>,
}

/// The stream of one watch.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    id: u64,
    order: Order,
    position: u64,
    ready: VecDeque<Bytes>,
    until: Option<Pin<Box<tokio::time::Sleep>>>,
    /// The time of its last bookmark, and whether that was sent.
    soon: Option<Pin<Box<tokio::time::Sleep>>>,
    has_last: bool,
    is_over: bool,
}

impl Watch {
    /// Opens a watch. Where its beginning is forgotten it tells that as its first event, as a real server does.
    pub(crate) fn open(shared: &Arc<Shared>, state: &mut State, order: Order) -> Result<Self, Status> {
        let forgotten = state.tables.get(order.table).map_or(0, |t| t.forgotten);
        let mut ready = VecDeque::new();
        let mut is_over = false;
        let position = order.from.unwrap_or(state.version);
        if position > state.version {
            return Err(too_large(position, state.version));
        }
        if position < forgotten {
            let status = Status::expired(format!("too old resource version: {position} ({forgotten})"));
            ready.push_back(line("ERROR", status.json().to_string().as_bytes()));
            is_over = true;
        }
        if order.from.is_none() {
            present(state, &order, &mut ready);
        }
        let id = state.next_watch;
        state.next_watch += 1;
        if !is_over {
            let seen =
                Watching { table: order.table, wants_bookmarks: order.bookmarks, ..Watching::default() };
            state.watches.insert(id, seen);
        }
        Ok(Self {
            shared: shared.clone(),
            id,
            order,
            position,
            ready,
            until: None,
            soon: None,
            has_last: false,
            is_over,
        })
    }

    /// The next event, if there is one already.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(line) = self.ready.pop_front() {
            return Poll::Ready(Some(line));
        }
        if self.is_over {
            return Poll::Ready(None);
        }
        if self.read(cx) {
            return Poll::Ready(self.ready.pop_front());
        }
        self.clocks(cx)
    }

    /// The bookmark before the end, and the end.
    fn clocks(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(seconds) = self.order.timeout else { return Poll::Pending };
        let after = |seconds| Box::pin(tokio::time::sleep(Duration::from_secs(seconds)));
        let early = seconds.saturating_sub(BEFORE_THE_END);
        if self.order.bookmarks && early > 0 && !self.has_last {
            let soon = self.soon.get_or_insert_with(|| after(early));
            if soon.as_mut().poll(cx).is_ready() {
                self.has_last = true;
                let kind = self.shared.lock().tables.get(self.order.table).map(|t| t.kind.clone());
                let line = kind.map(|kind| bookmark(self.order.view, &kind, self.position, false));
                return Poll::Ready(line);
            }
        }
        let until = self.until.get_or_insert_with(|| after(seconds));
        if until.as_mut().poll(cx).is_ready() {
            self.is_over = true;
            self.shared.lock().watches.remove(&self.id);
            return Poll::Ready(None);
        }
        Poll::Pending
    }

    /// Takes what happened since; whether there is anything to send, or the end was reached.
    fn read(&mut self, cx: &Context<'_>) -> bool {
        let shared = self.shared.clone();
        if let View::Table(options) = &mut self.order.view {
            options.at(shared.now());
        }
        let mut state = shared.lock();
        let Some(table) = state.tables.get(self.order.table) else { return false };
        if self.position < table.forgotten && state.version > self.position {
            // Too slow: what it would have to see next may be gone. A real server closes it without a word.
            self.is_over = true;
            state.watches.remove(&self.id);
            return true;
        }
        let first = table.events.partition_point(|e| e.version <= self.position);
        for event in table.events.range(first..) {
            self.position = event.version;
            self.ready.extend(self.order.event(&table.kind, event));
        }
        self.position = self.position.max(state.version);
        let view = self.order.view;
        let kind = table.kind.clone();
        let Some(seen) = state.watches.get_mut(&self.id) else { return !self.ready.is_empty() };
        if let Some(version) = seen.bookmark.take() {
            self.ready.push_back(bookmark(view, &kind, version, false));
        }
        if let Some(gone) = seen.end.take() {
            if gone {
                let status = Status::expired("The resourceVersion for the provided watch is too old.");
                self.ready.push_back(line("ERROR", status.json().to_string().as_bytes()));
            }
            self.is_over = true;
        } else if self.ready.is_empty() {
            seen.waker = Some(cx.waker().clone());
        }
        if self.is_over {
            state.watches.remove(&self.id);
        }
        self.is_over || !self.ready.is_empty()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.lock().watches.remove(&self.id);
    }
}

impl Order {
    fn wants(&self, object: &Object) -> bool {
        let here = self.namespace.is_empty() || meta::text(&object.value, "namespace") == self.namespace;
        here && self.selector.matches(&object.value)
    }

    /// What the watch sees of a change: an object that comes to be selected is new, one that is no more is gone.
    fn event(&self, of: &Kind, event: &Event) -> Option<Bytes> {
        let before = event.before.as_ref().filter(|o| self.wants(o));
        let is_there = !event.is_end && self.wants(&event.object);
        let kind = match (before.is_some(), is_there) {
            (false, false) => return None,
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
        };
        if kind == "DELETED" && !event.is_end {
            let mut last = before.map(|o| (*o.value).clone()).unwrap_or_default();
            last["metadata"]["resourceVersion"] = json!(event.version.to_string());
            return Some(self.line(of, kind, &Object::new(last, event.version)));
        }
        let natural = match (&event.before, event.is_end) {
            (None, _) => "ADDED",
            (Some(_), false) => "MODIFIED",
            (Some(_), true) => "DELETED",
        };
        if kind == natural && self.view == View::Whole {
            return Some(event.line.get_or_init(|| line(kind, event.object.json())).clone());
        }
        Some(self.line(of, kind, &event.object))
    }

    fn line(&self, of: &Kind, kind: &str, object: &Object) -> Bytes {
        match self.view {
            View::Whole => line(kind, object.json()),
            view => line(kind, &written(&view.of(of, &object.value))),
        }
    }
}

/// All that is there, as the beginning of a watch.
fn present(state: &State, order: &Order, ready: &mut VecDeque<Bytes>) {
    let Some(table) = state.tables.get(order.table) else { return };
    let objects = table.objects.values().filter(|o| order.wants(o));
    ready.extend(objects.map(|object| order.line(&table.kind, "ADDED", object)));
    if order.initial_end {
        ready.push_back(bookmark(order.view, &table.kind, state.version, true));
    }
}

fn line(kind: &str, object: &[u8]) -> Bytes {
    let mut line = Vec::with_capacity(object.len() + 40);
    line.extend_from_slice(b"{\"type\":\"");
    line.extend_from_slice(kind.as_bytes());
    line.extend_from_slice(b"\",\"object\":");
    line.extend_from_slice(object);
    line.extend_from_slice(b"}\n");
    line.into()
}

fn bookmark(view: View, kind: &Kind, version: u64, is_initial_end: bool) -> Bytes {
    let mut metadata = json!({"resourceVersion": version.to_string(), "creationTimestamp": Value::Null});
    if is_initial_end {
        metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
    }
    let (api_version, name) = view.names(kind);
    let mut object = json!({"apiVersion": api_version, "kind": name, "metadata": metadata});
    if let View::Table(..) = view {
        // A row of an object that is not there, as a real server sends it.
        meta::of(&mut object).remove("creationTimestamp");
        object = view.of(kind, &object);
    }
    line("BOOKMARK", &written(&object))
}

/// A version that does not exist yet.
pub(crate) fn too_large(asked: u64, present: u64) -> Status {
    let message = format!("Timeout: Too large resource version: {asked}, current: {present}");
    let mut status = Status::new(504, "Timeout", message);
    let cause = crate::schema::Cause {
        reason: "ResourceVersionTooLarge",
        field: String::new(),
        message: "Too large resource version".into(),
    };
    status.details = Some(Box::new(crate::status::Details {
        causes: vec![cause],
        retry_after_seconds: Some(1),
        ..Default::default()
    }));
    status
}
