//! The API server of the small world: what is stored, and what the watches have shown of it so far.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use dask_operator_core::{
    model::{object::Group, pod::PodRecord, time::Timestamp},
    protocol::expectations::Expectations,
};

use super::event::Fate;

/// A change of a pod on its way to the watch.
#[derive(Clone, Debug)]
pub enum Change {
    /// It is there like this.
    Put(Arc<PodRecord>),
    /// It is gone.
    Gone(Arc<PodRecord>),
}

/// What is stored, and what is shown.
#[derive(Clone, Debug)]
pub struct Api {
    /// The group as it is stored.
    pub group: Arc<Group>,
    /// The pods as they are stored, by name.
    pub pods: Vec<Arc<PodRecord>>,
    /// The group as the watch has shown it.
    pub seen_group: Arc<Group>,
    /// The pods as the watch has shown them, by name.
    pub seen: Vec<Arc<PodRecord>>,
    /// What the watch of pods has not shown yet.
    pub changes: VecDeque<Change>,
    /// What the watch of groups has not shown yet.
    pub group_changes: VecDeque<Arc<Group>>,
    /// Until when the watch of pods is slow.
    pub pods_lag: Timestamp,
    /// Whether it shows one change at a time meanwhile.
    pub trickles: bool,
    /// Until when the watch of groups is slow.
    pub group_lag: Timestamp,
    /// What becomes of one of the next writes, and how many go well before.
    pub armed: Option<(Fate, u8)>,
    /// Names that pods have had, and whether the operator can know it.
    pub names: BTreeMap<String, bool>,
    /// Pods that the watch has just shown to be gone.
    pub gone: Vec<String>,
    version: u32,
}

impl Api {
    /// Nothing but a group.
    pub fn new(group: Group, now: Timestamp) -> Self {
        let group = Arc::new(group);
        Self {
            seen_group: group.clone(),
            group,
            pods: Vec::new(),
            seen: Vec::new(),
            changes: VecDeque::new(),
            group_changes: VecDeque::new(),
            pods_lag: now,
            trickles: false,
            group_lag: now,
            armed: None,
            names: BTreeMap::new(),
            gone: Vec::new(),
            version: 1,
        }
    }

    /// The pod of that name.
    pub fn pod(&self, name: &str) -> Option<&Arc<PodRecord>> {
        self.pods.iter().find(|p| p.name == name)
    }

    /// Whether the watches have shown everything.
    pub fn is_shown(&self) -> bool {
        self.changes.is_empty() && self.group_changes.is_empty()
    }

    /// What becomes of the next write.
    pub fn fate(&mut self) -> Fate {
        match self.armed {
            Some((fate, 0)) => {
                self.armed = None;
                fate
            }
            Some((fate, n)) => {
                self.armed = Some((fate, n - 1));
                Fate::Done
            }
            None => Fate::Done,
        }
    }

    fn next_version(&mut self) -> String {
        self.version += 1;
        self.version.to_string()
    }

    /// Stores a pod; answers its version.
    pub fn put(&mut self, mut pod: PodRecord) -> String {
        let version = self.next_version();
        pod.resource_version.clone_from(&version);
        let pod = Arc::new(pod);
        replace(&mut self.pods, pod.clone());
        self.changes.push_back(Change::Put(pod));
        version
    }

    /// Changes a stored pod; answers its version.
    pub fn change(&mut self, name: &str, change: impl FnOnce(&mut PodRecord)) -> Option<String> {
        let mut pod = PodRecord::clone(self.pod(name)?);
        change(&mut pod);
        Some(self.put(pod))
    }

    /// Removes a pod from the store.
    pub fn remove(&mut self, name: &str) {
        if let Some(i) = self.pods.iter().position(|p| p.name == name) {
            let pod = self.pods.remove(i);
            self.changes.push_back(Change::Gone(pod));
        }
    }

    /// Changes the stored group; answers its version.
    pub fn change_group(&mut self, change: impl FnOnce(&mut Group)) -> String {
        let version = self.next_version();
        let group = Arc::make_mut(&mut self.group);
        let replicas = group.spec.worker.replicas;
        change(group);
        group.meta.generation += i64::from(group.spec.worker.replicas != replicas);
        group.meta.resource_version.clone_from(&version);
        self.group_changes.push_back(self.group.clone());
        version
    }

    /// The watches show what they show by now, and what was expected of them is fulfilled.
    pub fn deliver(&mut self, now: Timestamp, expected: &mut [&mut Expectations]) {
        let most = if self.pods_lag <= now { usize::MAX } else { usize::from(self.trickles) };
        for _ in 0..most {
            let Some(change) = self.changes.pop_front() else { break };
            self.show(change, expected);
        }
        if self.group_lag > now {
            return;
        }
        while let Some(group) = self.group_changes.pop_front() {
            for e in expected.iter_mut() {
                e.seen(&group.meta.name, &group.meta.uid, &group.meta.resource_version, false);
            }
            self.seen_group = group;
        }
    }

    fn show(&mut self, change: Change, expected: &mut [&mut Expectations]) {
        match change {
            Change::Put(pod) => {
                for e in expected.iter_mut() {
                    e.seen(&pod.name, &pod.uid, &pod.resource_version, pod.deleting);
                }
                if let Some(known) = self.names.get_mut(&pod.name) {
                    *known = true;
                }
                replace(&mut self.seen, pod);
            }
            Change::Gone(pod) => {
                self.gone.push(pod.name.clone());
                for e in expected.iter_mut() {
                    e.gone(&pod.name, &pod.uid);
                }
                self.seen.retain(|p| p.name != pod.name);
            }
        }
    }

    /// A new process lists everything anew.
    pub fn list(&mut self) {
        (self.seen, self.seen_group) = (self.pods.clone(), self.group.clone());
        self.changes.clear();
        self.group_changes.clear();
        for pod in &self.pods {
            self.names.insert(pod.name.clone(), true);
        }
    }
}

/// Puts a pod in its place by name.
fn replace(pods: &mut Vec<Arc<PodRecord>>, pod: Arc<PodRecord>) {
    match pods.binary_search_by(|p| p.name.cmp(&pod.name)) {
        Ok(i) => pods[i] = pod,
        Err(i) => pods.insert(i, pod),
    }
}
