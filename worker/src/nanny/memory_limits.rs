//! Whether the worker uses more memory than it may: by its own resident set, and by its container's anonymous and
//! shared memory. Page cache does not count: the kernel takes it back before it ends a process.

use std::{fs, path::Path};

/// What one cgroup tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Bytes that cannot be taken back.
    used: u64,
    /// Bytes that it may have; `None`: as many as there are.
    limit: Option<u64>,
}

/// The worker's own limits, as it reported them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budget {
    /// Bytes from which on it is restarted (`distributed.worker.memory.terminate` of its limit); 0: never.
    pub terminate: u64,
    /// The part of the worker's limit that it is.
    pub part: f64,
}

/// `distributed.worker.memory.terminate` where its author says nothing: the part of a limit that is left to the worker.
const PART: f64 = 0.95;

/// Whether a worker with this resident set, in this cgroup, uses too much. The cgroup's limit counts for the largest of
/// its workers, where their own are higher: the kernel would end any of its processes then.
pub fn is_too_much(budget: Budget, resident: u64, group: Group, is_largest: impl FnOnce() -> bool) -> bool {
    if budget.terminate == 0 {
        return false;
    }
    // Its author may want to use more of the limit than Dask does by default; `1.0`, and what is no part, is all of it.
    let part = if budget.part.is_finite() { budget.part.clamp(PART, 1.0) } else { PART };
    let of_group = group.limit.map(|limit| (limit as f64 * part) as u64);
    resident > budget.terminate || (of_group.is_some_and(|limit| group.used > limit) && is_largest())
}

/// Resident set of a process, bytes.
pub fn resident(pid: i32) -> Option<u64> {
    let kib = procfs::process::Process::new(pid).ok()?.status().ok()?.vmrss?;
    Some(kib * 1024)
}

/// This container's cgroup: v2, or v1.
pub fn group(root: &Path) -> Group {
    let read = |path: &str| fs::read_to_string(root.join(path)).ok();
    let number = |text: String| text.trim().parse().ok();
    if let Some(stat) = read("memory.stat") {
        let used = sum(&stat, &["anon", "shmem"]);
        return Group { used, limit: read("memory.max").and_then(number) };
    }
    let Some(stat) = read("memory/memory.stat") else { return Group::default() };
    let limit = read("memory/memory.limit_in_bytes").and_then(number);
    // What v1 says where there is no limit.
    Group { used: sum(&stat, &["total_rss", "total_shmem"]), limit: limit.filter(|l| *l < 1 << 60) }
}

fn sum(stat: &str, names: &[&str]) -> u64 {
    let value = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        names.contains(&name).then(|| value.trim().parse::<u64>().ok()).flatten()
    };
    stat.lines().filter_map(value).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Group = Group { used: 0, limit: Some(1000) };

    #[test]
    fn its_own_memory_counts_and_that_of_all_in_its_container() {
        let budget = Budget { terminate: 900, part: 0.95 };
        let of = |resident, group| is_too_much(budget, resident, group, || true);
        assert!(!of(900, Group { used: 950, ..LIMIT }));
        assert!(of(901, LIMIT));
        assert!(of(10, Group { used: 951, ..LIMIT }));
        assert!(!of(10, Group { used: 5000, limit: None }));
        let full = Group { used: 5000, ..LIMIT };
        assert!(!is_too_much(Budget::default(), 5000, full, || true), "terminate: false");
        assert!(!is_too_much(budget, 10, full, || false), "another worker of this container is larger");
        assert!(is_too_much(budget, 901, full, || false), "and yet each has its own limit");
    }

    #[test]
    fn its_author_may_use_more_of_the_container_than_dask_does() {
        let of = |part, used| {
            let budget = Budget { terminate: 990, part };
            is_too_much(budget, 10, Group { used, ..LIMIT }, || true)
        };
        assert!(!of(0.99, 985) && of(0.99, 991));
        assert!(of(0.5, 951) && !of(0.5, 949), "a smaller part is the worker's own limit");
        assert!(of(f64::NAN, 951) && of(0.0, 951));
    }

    #[test]
    fn page_cache_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            fs::create_dir_all(dir.path().join(path).parent().unwrap()).unwrap();
            fs::write(dir.path().join(path), text).unwrap();
        };
        assert_eq!(group(dir.path()), Group::default());
        let v1 = "cache 900\nrss 7\nshmem 3\ntotal_cache 900\ntotal_rss 20\ntotal_shmem 5\n";
        write("memory/memory.stat", v1);
        write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(group(dir.path()), Group { used: 25, limit: None });
        write("memory.stat", "anon 100\nfile 9000\nkernel 1\nshmem 11\ninactive_anon 50\n");
        write("memory.max", "max\n");
        assert_eq!(group(dir.path()), Group { used: 111, limit: None });
        write("memory.max", "2000\n");
        assert_eq!(group(dir.path()).limit, Some(2000));
    }

    #[test]
    fn a_resident_set_is_read() {
        let own = resident(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(own > 100 << 10, "{own}");
        assert_eq!(resident(0), None);
    }
}
