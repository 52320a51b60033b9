//! One pod, from its creation to its end.

use std::{
    net::Ipv4Addr,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Pod};
use kube_memory_api_server::{Call, DeleteOptions};
use serde_json::{Value, json};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    Node, container,
    environment::Variables,
    image,
    status::{self, Seen},
    view::{State, View},
};

/// A pod whose containers run.
pub struct Inside {
    /// The node it is on.
    pub node: Arc<Node>,
    /// The pod, as it was when it started.
    pub pod: Pod,
    /// Its address.
    pub ip: Ipv4Addr,
    /// Its restart policy.
    pub restart_policy: String,
    /// How many of its containers come before the others.
    pub first: usize,
    /// It is to end.
    pub stop: CancellationToken,
    /// It is to end at once.
    pub kill: CancellationToken,
    deadline: Mutex<Option<Timestamp>>,
    /// It ran for longer than it may.
    overdue: AtomicBool,
    views: Mutex<Vec<View>>,
    changed: Notify,
}

/// What its node is told of a pod: its newest version, or that it is gone.
pub type News = watch::Receiver<Option<Arc<Value>>>;

/// Takes care of a pod until it is gone.
pub async fn run(node: Arc<Node>, pod: Pod, mut news: News) {
    let name = name_of(&pod);
    if let Some(why) = node.unfit(&pod) {
        node.unschedulable(&pod, &why);
        while news.borrow_and_update().is_some() && news.changed().await.is_ok() {}
        return;
    }
    node.bind(&pod);
    let spec = pod.spec.clone().unwrap_or_default();
    let first = spec.init_containers.unwrap_or_default();
    let containers: Vec<_> = first.iter().chain(&spec.containers).cloned().collect();
    let views = containers.iter().map(|c| View::new(&c.name, c.image.as_deref().unwrap_or_default()));
    let inside = Arc::new(Inside {
        ip: node.addresses.take(),
        restart_policy: spec.restart_policy.clone().unwrap_or_else(|| "Always".into()),
        first: first.len(),
        stop: CancellationToken::new(),
        kill: CancellationToken::new(),
        deadline: Mutex::new(None),
        overdue: AtomicBool::new(false),
        views: Mutex::new(views.collect()),
        changed: Notify::new(),
        node: node.clone(),
        pod,
    });
    inside.live(&mut news, &containers).await;
    node.addresses.release(inside.ip);
    let _ = std::fs::remove_dir_all(inside.dir());
    tracing::debug!(pod = name, "is gone");
}

fn name_of(pod: &Pod) -> String {
    pod.metadata.name.clone().unwrap_or_default()
}

impl Inside {
    async fn live(self: &Arc<Self>, news: &mut News, containers: &[Container]) {
        let refused = containers.iter().enumerate().filter_map(|(i, c)| {
            image::check(&self.pod, c, &self.node.version).err().map(|refusal| (i, refusal))
        });
        let refused: Vec<_> = refused.collect();
        let mut tasks = JoinSet::new();
        if refused.is_empty() && std::fs::create_dir_all(self.dir()).is_ok() {
            tasks.spawn(self.clone().run_all(containers.to_vec()));
        }
        for (index, refusal) in refused {
            self.event("Warning", "Failed", &refusal.message);
            let (reason, message) = (refusal.reason, refusal.message);
            self.change(index, |view| view.state = State::Waiting { reason, message });
        }
        self.write();
        loop {
            let newest = news.borrow().clone();
            let limit = self.limit(newest.as_deref());
            let is_told = tokio::select! {
                told = news.changed() => told.is_ok(),
                () = limit => {
                    self.overdue.store(true, Ordering::Relaxed);
                    self.event("Normal", "DeadlineExceeded", "Pod was active on the node longer than the specified deadline");
                    self.stop.cancel();
                    self.write();
                    true
                }
                () = self.changed.notified() => { self.write(); true }
                Some(_) = tasks.join_next() => { self.write(); true }
            };
            let newest = news.borrow_and_update().clone();
            match newest.filter(|_| is_told) {
                None => break,
                Some(pod) => self.heed(&pod),
            }
            if self.is_unwanted() && tasks.is_empty() {
                self.write();
                self.forget();
                break;
            }
        }
        self.kill.cancel();
        self.stop.cancel();
        while tasks.join_next().await.is_some() {}
    }

    /// Runs its containers: first, one after the other, those that come before the others.
    async fn run_all(self: Arc<Self>, containers: Vec<Container>) {
        let mut all = containers.into_iter().enumerate();
        for (index, container) in all.by_ref().take(self.first) {
            container::run(self.clone(), index, container).await;
            if self.stop.is_cancelled() || self.view(index).is_none_or(|view| !view.succeeded()) {
                return;
            }
        }
        let others: Vec<_> = all.map(|(index, c)| container::run(self.clone(), index, c)).collect();
        futures::future::join_all(others).await;
    }

    /// Waits until it has run for as long as it may.
    async fn limit(&self, pod: Option<&Value>) {
        let seconds = pod.and_then(|p| p["spec"]["activeDeadlineSeconds"].as_u64());
        let began = pod.and_then(|p| p["status"]["startTime"].as_str()?.parse::<Timestamp>().ok());
        match (seconds, began) {
            (Some(seconds), Some(began)) if !self.stop.is_cancelled() => {
                let ran = Duration::try_from(Timestamp::now().duration_since(began)).unwrap_or_default();
                tokio::time::sleep(Duration::from_secs(seconds).saturating_sub(ran)).await;
            }
            _ => std::future::pending().await,
        }
    }

    /// Its deletion was asked for.
    fn is_unwanted(&self) -> bool {
        lock(&self.deadline).is_some()
    }

    /// Takes note of a wish to end.
    fn heed(&self, pod: &Value) {
        let Some(until) = pod["metadata"]["deletionTimestamp"].as_str() else { return };
        *lock(&self.deadline) = until.parse().ok();
        if !self.stop.is_cancelled() {
            self.event("Normal", "Killing", "Stopping containers");
        }
        if pod["metadata"]["deletionGracePeriodSeconds"] == json!(0) {
            self.kill.cancel();
        }
        self.stop.cancel();
    }

    /// How long a container may take to end.
    pub fn grace(&self) -> Duration {
        let spec = self.pod.spec.as_ref().and_then(|s| s.termination_grace_period_seconds).unwrap_or(30);
        let whole = Duration::from_secs(u64::try_from(spec).unwrap_or(0));
        let left = |until: Timestamp| Duration::try_from(until.duration_since(Timestamp::now()));
        lock(&self.deadline).map_or(whole, |until| left(until).unwrap_or_default())
    }

    /// Waits; whether it was told to end meanwhile.
    pub async fn rests(&self, time: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(time) => self.stop.is_cancelled(),
            () = self.stop.cancelled() => true,
        }
    }

    /// Changes what is known of a container, and has it written.
    pub fn change(&self, index: usize, change: impl FnOnce(&mut View)) {
        if let Some(view) = lock(&self.views).get_mut(index) {
            change(view);
        }
        self.changed.notify_one();
    }

    /// What is known of a container.
    pub fn view(&self, index: usize) -> Option<View> {
        lock(&self.views).get(index).cloned()
    }

    fn write(&self) {
        let (namespace, name) = self.key();
        let Some(object) = self.node.server.object("pods", &namespace, &name) else { return };
        if object["metadata"]["uid"].as_str() != self.pod.metadata.uid.as_deref() {
            return;
        }
        let views = lock(&self.views).clone();
        let is_begun = views.iter().any(|v| !matches!(v.state, State::Waiting { .. }));
        let had = !object["status"]["podIP"].is_null();
        let ip = (is_begun || had).then_some(self.ip);
        let began = object["status"]["startTime"].as_str().and_then(|t| t.parse().ok());
        let began = began.unwrap_or_else(Timestamp::now);
        let is_overdue = self.overdue.load(Ordering::Relaxed);
        let (first, views) = views.split_at(self.first.min(views.len()));
        let seen = Seen { first, views, ip, began, is_overdue };
        let status = status::of(&self.pod, &object["status"], &seen);
        let call = Call::MergePatch {
            resource: "pods",
            namespace,
            name,
            subresource: Some("status"),
            patch: json!({"status": status}),
        };
        if let Err(refused) = self.node.server.call("kubelet", call) {
            tracing::warn!(error = refused.message, "a pod's status was refused");
        }
    }

    /// Lets go of the object: nothing of the pod runs any more.
    fn forget(&self) {
        let (namespace, name) = self.key();
        let options =
            DeleteOptions { grace: Some(0), uid: self.pod.metadata.uid.clone(), ..Default::default() };
        let call = Call::Delete { resource: "pods", namespace, name, options };
        // The other task was faster, and did the same.
        let _ = self.node.server.call("kubelet", call);
    }

    fn key(&self) -> (String, String) {
        (self.pod.metadata.namespace.clone().unwrap_or_default(), name_of(&self.pod))
    }

    /// Tells people something about the pod.
    pub fn event(&self, kind: &str, reason: &str, message: &str) {
        self.node.event(&self.pod, kind, reason, message);
    }

    /// What every process of the pod finds in its environment.
    pub fn variables(&self) -> Variables {
        self.node.variables(&self.pod, self.ip)
    }

    fn dir(&self) -> PathBuf {
        self.node.pod_dir(self.pod.metadata.uid.as_deref().unwrap_or_default())
    }

    /// The log of a container's run.
    pub fn log(&self, container: &str, restarts: u32) -> PathBuf {
        self.dir().join(format!("{container}.{restarts}.log"))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
