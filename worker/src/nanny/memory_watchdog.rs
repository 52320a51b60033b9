//! Watches the worker's memory, and returns when it has to be restarted.

use std::path::Path;

use super::{Now, Shared, memory_limits};

/// Where cgroups are.
const CGROUPS: &str = "/sys/fs/cgroup";

/// Waits until the registered worker uses more than it may; its resident bytes then. Never returns without
/// a limit.
pub async fn exceeded(now: &mut tokio::sync::watch::Receiver<Now>, shared: &Shared) -> u64 {
    loop {
        let Some(worker) = now.borrow().worker.clone().filter(|w| w.terminate > 0) else {
            // The sender lives as long as the agent.
            let _ = now.changed().await;
            continue;
        };
        tokio::time::sleep(worker.interval).await;
        let Some(resident) = memory_limits::resident(worker.pid) else { continue };
        let budget = memory_limits::Budget { terminate: worker.terminate, part: worker.part };
        if memory_limits::is_too_much(budget, resident, memory_limits::group(Path::new(CGROUPS)), || {
            shared.is_largest(resident)
        }) {
            return resident;
        }
    }
}
