//! The judge's books: what was true when, as far as the rules ask for it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use kube_memory_api_server::Change;
use serde_json::Value;

/// `drainTimeout` of groups that do not say it.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(300);

/// Something that may own others: one of our four kinds.
#[derive(Clone, Debug)]
pub struct Owner {
    pub resource: String,
    pub namespace: String,
    pub name: String,
    /// Its cluster: its own name, or that of the cluster it names.
    pub cluster: String,
    /// The group that it scales; of autoscalers.
    pub scales: String,
    /// Since when it is being deleted, or gone.
    pub leaves: Option<Duration>,
    /// Sizes that it was to have, and since when; of groups.
    pub sizes: Vec<(Duration, i64)>,
    /// Whether an autoscaler wrote the size that is the last.
    pub is_sized_by_autoscaler: bool,
    /// When it was last to have fewer, as far as known, by whom; of groups.
    pub shrinks: Vec<Shrink>,
    /// How long a shrink that a person asked for waits; of groups.
    pub patience: Duration,
    /// Bounds, and since when; of autoscalers.
    pub bounds: Vec<(Duration, i64, i64)>,
}

/// Fewer are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Shrink {
    pub at: Duration,
    /// An autoscaler wants it, and no person.
    pub is_by_autoscaler: bool,
}

/// A warning that work may be lost.
#[derive(Clone, Debug)]
pub struct Risk {
    /// UID of the group that it was said of.
    pub group: String,
    pub message: String,
}

impl Risk {
    /// Whether it is said of this pod of the group: by name, or as one of many.
    pub fn is_of(&self, pod: &Pod) -> bool {
        let is_named = self.message.split([' ', ',']).any(|word| word == pod.name);
        pod.owner.as_ref() == Some(&self.group) && (is_named || self.message.ends_with(" and others"))
    }
}

/// A pod.
#[derive(Clone, Debug)]
pub struct Pod {
    pub name: String,
    /// Its owner, also after the reference to it was taken off.
    pub owner: Option<String>,
    pub cluster: String,
    pub live: bool,
    pub node: String,
    pub marked: bool,
    /// When it last was marked.
    pub last_marked: Option<Duration>,
}

#[derive(Debug)]
pub struct Books {
    /// What is older than this everybody knows.
    pub allowance: Duration,
    pub owners: BTreeMap<String, Owner>,
    pub pods: BTreeMap<String, Pod>,
    /// Names of all pods that ever belonged to a worker group.
    pub pod_names: BTreeSet<String>,
    /// UIDs of all that ever had a pod.
    pub had_pods: BTreeSet<String>,
    /// Events that told of a risk.
    pub risks: Vec<Risk>,
    /// Whether each node was about to go, and since when.
    pub leaving: BTreeMap<String, Vec<(Duration, bool)>>,
}

impl Books {
    pub fn new(allowance: Duration) -> Self {
        Self {
            allowance,
            owners: BTreeMap::new(),
            pods: BTreeMap::new(),
            pod_names: BTreeSet::new(),
            had_pods: BTreeSet::new(),
            risks: Vec::new(),
            leaving: BTreeMap::new(),
        }
    }

    /// Writes a change down.
    pub fn note(&mut self, change: &Change, now: Duration) {
        match (change.resource.as_ref(), &change.after) {
            ("pods", Some(after)) => self.note_pod(change, after, now),
            ("pods", None) => drop(self.pods.remove(&change.uid)),
            ("nodes", Some(after)) => {
                let leaves = after["spec"]["taints"].as_array().is_some_and(|t| !t.is_empty());
                self.leaving.entry(change.name.clone()).or_default().push((now, leaves));
            }
            ("events", Some(after)) if after["reason"] == "DataLossRisk" => {
                let (group, message) = (text(&after["involvedObject"]["uid"]), text(&after["message"]));
                self.risks.push(Risk { group, message });
            }
            ("daskclusters" | "daskworkergroups" | "daskautoscalers" | "daskjobs", after) => {
                self.note_owner(change, after.as_deref(), now);
            }
            _ => {}
        }
    }

    fn note_pod(&mut self, change: &Change, after: &Value, now: Duration) {
        let meta = &after["metadata"];
        let phase = after["status"]["phase"].as_str().unwrap_or("Pending");
        let marked = meta["annotations"]["kubernetes.dask.org/retiring"].is_string();
        let before = self.pods.get(&change.uid);
        let last_marked = before.and_then(|p| if p.marked { Some(now) } else { p.last_marked });
        let pod = Pod {
            name: change.name.clone(),
            // Whose it was once, it stays.
            owner: crate::world::owner(after)
                .map(String::from)
                .or_else(|| before.and_then(|p| p.owner.clone())),
            cluster: text(&meta["labels"]["dask.org/cluster-name"]),
            live: !meta["deletionTimestamp"].is_string() && !matches!(phase, "Succeeded" | "Failed"),
            node: text(&after["spec"]["nodeName"]),
            marked,
            last_marked,
        };
        let owner = pod.owner.as_ref().and_then(|uid| self.owners.get(uid));
        if owner.is_some_and(|o| o.resource == "daskworkergroups") {
            self.pod_names.insert(pod.name.clone());
        }
        self.had_pods.extend(pod.owner.clone());
        self.pods.insert(change.uid.clone(), pod);
    }

    fn note_owner(&mut self, change: &Change, after: Option<&Value>, now: Duration) {
        let spec = after.map_or(&Value::Null, |a| &a["spec"]);
        let owner = self.owners.entry(change.uid.clone()).or_insert_with(|| Owner {
            resource: change.resource.to_string(),
            namespace: change.namespace.clone(),
            name: change.name.clone(),
            cluster: spec["cluster"].as_str().unwrap_or(&change.name).into(),
            scales: {
                let cluster = spec["cluster"].as_str().unwrap_or_default();
                spec["workerGroup"].as_str().map_or_else(|| format!("{cluster}-default"), String::from)
            },
            leaves: None,
            sizes: Vec::new(),
            is_sized_by_autoscaler: false,
            shrinks: Vec::new(),
            patience: DRAIN_TIMEOUT,
            bounds: Vec::new(),
        });
        if after.is_none_or(|a| a["metadata"]["deletionTimestamp"].is_string()) {
            owner.leaves.get_or_insert(now);
        }
        if after.is_none() {
            return;
        }
        // Else the operator hands on what a person wrote into the cluster.
        let is_by_autoscaler = change.user.starts_with("operator-") && change.subresource == Some("scale");
        if let Some(size) = spec["worker"]["replicas"].as_i64()
            && owner.sizes.last().is_none_or(|(_, s)| *s != size)
        {
            if owner.sizes.last().is_some_and(|(_, s)| *s > size) {
                owner.shrinks.push(Shrink { at: now, is_by_autoscaler });
            }
            owner.sizes.push((now, size));
            owner.is_sized_by_autoscaler = is_by_autoscaler;
        }
        owner.patience = spec["worker"]["drainTimeout"].as_u64().map_or(DRAIN_TIMEOUT, Duration::from_secs);
        let bounds = (spec["minimum"].as_i64(), spec["maximum"].as_i64());
        if let (Some(least), Some(most)) = bounds
            && owner.bounds.last().is_none_or(|b| (b.1, b.2) != (least, most))
        {
            owner.bounds.push((now, least, most));
        }
    }

    /// The largest size that an operator may still know of.
    pub fn largest(&self, owner: &Owner, now: Duration) -> i64 {
        believable(&owner.sizes, |s| s.0, self.allowance, now).map(|s| s.1).max().unwrap_or(0)
    }

    /// Since when a person waits for the group to have fewer: what an autoscaler wanted is a person's once it is gone.
    pub fn asked_for_fewer(&self, group: &Owner, now: Duration) -> Option<Duration> {
        let last = believable(&group.shrinks, |s| s.at, self.allowance, now).next()?;
        if !last.is_by_autoscaler {
            return Some(last.at);
        }
        let is_mine = |o: &&Owner| o.resource == "daskautoscalers" && o.scales == group.name;
        let ends: Option<Vec<Duration>> = self.owners.values().filter(is_mine).map(|o| o.leaves).collect();
        ends?.into_iter().max()
    }

    /// Whether an operator may still take the pod for one that cannot stay where it is.
    pub fn is_threatened(&self, pod: &Pod, now: Duration) -> bool {
        let said = self.leaving.get(&pod.node).map_or(&[][..], Vec::as_slice);
        believable(said, |s| s.0, self.allowance, now).any(|s| s.1)
    }

    /// Whether everybody knows that it leaves.
    pub fn is_gone(&self, owner: &Owner, now: Duration) -> bool {
        owner.leaves.is_some_and(|at| now.saturating_sub(at) > self.allowance)
    }
}

/// The entries that hold now, or held within the allowance.
pub fn believable<T>(
    entries: &[T],
    since: impl Fn(&T) -> Duration,
    allowance: Duration,
    now: Duration,
) -> impl Iterator<Item = &T> {
    let old = entries.iter().rposition(|e| since(e) + allowance < now).unwrap_or(0);
    entries[old..].iter()
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().into()
}
