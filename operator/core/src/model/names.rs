//! Names, labels and annotations: what dask-kubernetes calls things, and what we add.

use crate::model::{hash, uid::Uid};

/// Label: the cluster an object belongs to.
pub const CLUSTER: &str = "dask.org/cluster-name";
/// Label: the worker group a pod belongs to.
pub const GROUP: &str = "dask.org/workergroup-name";
/// Label: the part an object plays.
pub const COMPONENT: &str = "dask.org/component";
/// Value of [`COMPONENT`]: the scheduler.
pub const SCHEDULER: &str = "scheduler";
/// Value of [`COMPONENT`]: a worker.
pub const WORKER: &str = "worker";
/// Value of [`COMPONENT`]: a worker group.
pub const WORKER_GROUP: &str = "workergroup";
/// Value of [`COMPONENT`]: the pod that runs a job's program.
pub const RUNNER: &str = "job-runner";
/// Names that a worker's container has: dask-kubernetes' own, and Flyte's.
pub const WORKER_CONTAINERS: [&str; 2] = ["worker", "dask-worker"];
/// Label: keeps Istio's sidecar out; Dask's protocol does not pass it.
pub const ISTIO: &str = "sidecar.istio.io/inject";

/// Annotation of the default group: the replicas last copied from its cluster.
pub const COPIED_REPLICAS: &str = "kubernetes.dask.org/copied-replicas";
/// Annotation of a pod: it was chosen to leave (JSON, [`crate::model::pod::Mark`]).
pub const RETIRING: &str = "kubernetes.dask.org/retiring";
/// Annotation: hash of the user's part of the template an object was made from.
pub const TEMPLATE_HASH: &str = "kubernetes.dask.org/template-hash";

/// Annotation of a worker pod: hash of what its agent was to be and to come from. It is what was asked, also where
/// a webhook puts another image in its place.
pub const AGENT_HASH: &str = "kubernetes.dask.org/agent-hash";
/// The agent's init container and its volume.
pub const AGENT: &str = "dask-agent";

/// Annotation of a job: how its program ended (JSON, an `Outcome` of `job`).
pub const OUTCOME: &str = "kubernetes.dask.org/outcome";

/// Annotation of a job's cluster and of its runner: UID of the job that they were made for. It proves whose they are
/// when their owner references are gone.
pub const JOB: &str = "kubernetes.dask.org/job";

/// Annotation of a job's runner: name of the container that runs the program. It is written when the pod is made, so that
/// no edit of the job changes it.
pub const MAIN_CONTAINER: &str = "kubernetes.dask.org/main-container";

/// Annotation of a pod: the container whose log `kubectl logs` shows.
pub const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// Prefix of the annotations that kopf leaves on what it handles.
pub const KOPF_PREFIX: &str = "kopf.zalando.org/";
/// The finalizer dask-kubernetes (kopf) left on its objects; no other controller would remove it.
pub const KOPF_FINALIZER: &str = "kopf.zalando.org/KopfFinalizerMarker";
/// The one field manager of all our writes.
pub const FIELD_MANAGER: &str = "dask-operator";

/// Longest cluster name: `<name>-scheduler` is a Service, whose name has at most 63 characters.
pub const MAX_CLUSTER_NAME: usize = 53;
/// Longest label value.
pub const MAX_LABEL: usize = 63;

/// Name of a cluster's scheduler Deployment and Service.
pub fn scheduler(cluster: &str) -> String {
    format!("{cluster}-scheduler")
}

/// Name of a cluster's default worker group.
pub fn default_group(cluster: &str) -> String {
    format!("{cluster}-default")
}

/// Name of the pod that runs a job's program.
pub fn runner(job: &str) -> String {
    format!("{job}-runner")
}

/// Whether a DaskCluster may have this name, in dask-kubernetes' words.
pub fn cluster_name_is_valid(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.len() <= MAX_CLUSTER_NAME
        && name.chars().all(inner)
        && name.starts_with(|c| c != '-')
        && name.ends_with(|c| c != '-')
}

/// What is wrong with a name that no DaskCluster may have.
pub fn rule(name: &str) -> String {
    format!(
        "metadata.name: {name:?} must have at most {MAX_CLUSTER_NAME} characters, only lower-case letters, digits \
         and '-', and start and end with a letter or digit"
    )
}

/// Name of the worker pod with this number. Different numbers of a group give different names: the
/// number passes through a permutation of 40 bits that the group's UID selects.
pub fn worker_pod(group: &str, group_uid: &Uid, number: i64) -> String {
    format!("{group}-worker-{:010x}", permute(number.unsigned_abs(), hash::number(&[group_uid])))
}

/// The number of the worker pod with this name, if it is one that [`worker_pod`] gives for this group.
pub fn worker_number(group: &str, group_uid: &Uid, name: &str) -> Option<i64> {
    let text = name.strip_prefix(group)?.strip_prefix("-worker-")?;
    let number = u64::from_str_radix(text, 16).ok().filter(|n| *n <= MASK)?;
    let number = i64::try_from(permuted_back(number, hash::number(&[group_uid]))).ok()?;
    (worker_pod(group, group_uid, number) == name).then_some(number)
}

/// Whether a name is one that [`worker_pod`] gives.
pub fn is_worker_pod(name: &str) -> bool {
    name.rsplit_once("-worker-").is_some_and(|(group, hash)| {
        !group.is_empty() && hash.len() == 10 && hash.chars().all(|c| c.is_ascii_hexdigit())
    })
}

const BITS: u64 = 40;
const MASK: u64 = (1 << BITS) - 1;

const ROUNDS: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb];

/// Odd multiplications, xor-shifts and additions are each reversible modulo 2^40, so their chain is too.
fn permute(number: u64, key: u64) -> u64 {
    let mut x = number.wrapping_add(key) & MASK;
    for round in ROUNDS {
        x = x.wrapping_mul(round | 1) & MASK;
        x ^= x >> (BITS / 2);
        x = x.wrapping_add(key >> 24) & MASK;
    }
    x
}

/// The number that [`permute`] makes this of.
fn permuted_back(permuted: u64, key: u64) -> u64 {
    let mut x = permuted;
    for round in ROUNDS.into_iter().rev() {
        x = x.wrapping_sub(key >> 24) & MASK;
        // A shift by half of the bits undoes itself.
        x ^= x >> (BITS / 2);
        x = x.wrapping_mul(inverse(round | 1)) & MASK;
    }
    x.wrapping_sub(key) & MASK
}

/// What an odd number is multiplied with to give 1 modulo 2^64: each step doubles the bits that are right, of which
/// there are three at first.
fn inverse(odd: u64) -> u64 {
    (0..5).fold(odd, |x, _| x.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(x))))
}

/// Where workers and clients reach the scheduler.
pub fn scheduler_address(cluster: &str, namespace: &str, domain: &str, port: u16) -> String {
    format!("tcp://{}.{namespace}.svc.{domain}:{port}", scheduler(cluster))
}

/// Where browsers in the Kubernetes cluster reach the dashboard.
pub fn dashboard_address(cluster: &str, namespace: &str, domain: &str, port: u16) -> String {
    format!("http://{}.{namespace}.svc.{domain}:{port}", scheduler(cluster))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cluster_names_follow_the_contract() {
        for good in ["a", "1abc", "valid-name", &"a".repeat(53)] {
            assert!(cluster_name_is_valid(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a.b", "A", "invalid.chars.in.name", &"a".repeat(54)] {
            assert!(!cluster_name_is_valid(bad), "{bad}");
        }
    }

    #[test]
    fn no_two_numbers_of_a_group_share_a_name() {
        let names: BTreeSet<_> = (0..20_000).map(|n| worker_pod("g", &"uid-1".into(), n)).collect();
        assert_eq!(names.len(), 20_000);
        assert_ne!(worker_pod("g", &"uid-1".into(), 1), worker_pod("g", &"uid-2".into(), 1));
        assert!(names.iter().all(|n| is_worker_pod(n)));
        assert!(!is_worker_pod("tcp://10.0.0.1:4567") && !is_worker_pod("my-worker-1"));
    }

    #[test]
    fn a_name_tells_its_number_to_its_own_group_alone() {
        let name = worker_pod("g", &"uid-1".into(), 7);
        assert_eq!(worker_number("g", &"uid-1".into(), &name), Some(7));
        assert_ne!(worker_number("g", &"uid-2".into(), &name), Some(7));
        assert_eq!(worker_number("h", &"uid-1".into(), &name), None);
        for other in ["g-worker-", "g-worker-+000000007", "g-worker-FFFFFFFFFF", "g-worker-10000000000", "g"]
        {
            assert_eq!(worker_number("g", &"uid-1".into(), other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn the_permutation_can_be_undone(a in 0..=MASK, key: u64) {
            prop_assert_eq!(permuted_back(permute(a, key), key), a);
        }

        #[test]
        fn the_permutation_has_no_collisions(a in 0..=MASK, b in 0..=MASK, key: u64) {
            prop_assert_eq!(a == b, permute(a, key) == permute(b, key));
        }
    }
}
