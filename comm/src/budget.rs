//! Memory that the messages of many connections share.

use crate::CommError;
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of one permit of the pool.
const UNIT: usize = 1 << 10;
/// How soon it is looked again whether there is enough.
const RETRY: Duration = Duration::from_millis(20);

/// A bound on what all connections that have it are reading at the same time. A message up to a size that is
/// free needs no share; a larger one waits for its share, as part of its own time.
#[derive(Clone, Debug)]
pub struct Budget {
    pool: Arc<Semaphore>,
    free: usize,
    total: usize,
}

/// A part of the memory, given back when it is dropped.
pub(crate) type Share = Option<OwnedSemaphorePermit>;

impl Budget {
    /// `total` bytes for all messages of more than `free` bytes.
    pub fn new(total: usize, free: usize) -> Self {
        let permits = (total / UNIT).min(Semaphore::MAX_PERMITS);
        Self { pool: Arc::new(Semaphore::new(permits)), free, total: permits * UNIT }
    }

    /// The memory for a message of `bytes`, as soon as there is enough. What needs less does not wait for what needs
    /// more: a large message that waits may be one that never comes.
    pub(crate) async fn share(&self, bytes: usize) -> Result<Share, CommError> {
        if bytes <= self.free {
            return Ok(None);
        }
        if bytes > self.total {
            let (got, limit) = (bytes as u64, self.total as u64);
            return Err(CommError::TooLarge { what: "message", got, limit });
        }
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        loop {
            if let Ok(share) = self.pool.clone().try_acquire_many_owned(units) {
                return Ok(Some(share));
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_waits_and_small_messages_never_do() {
        let budget = Budget::new(100 << 10, 1 << 10);
        let first = budget.share(60 << 10).await.unwrap();
        let wait = Duration::from_secs(1);
        assert!(timeout(wait, budget.share(60 << 10)).await.is_err());
        assert!(timeout(wait, budget.share(1 << 10)).await.unwrap().unwrap().is_none());
        let large = tokio::spawn({
            let budget = budget.clone();
            async move { budget.share(90 << 10).await.map(|_| ()) }
        });
        tokio::task::yield_now().await;
        assert!(timeout(wait, budget.share(30 << 10)).await.unwrap().is_ok(), "not behind the large one");
        large.abort();
        drop(first);
        assert!(timeout(wait, budget.share(60 << 10)).await.unwrap().is_ok());
        assert!(matches!(budget.share(101 << 10).await, Err(CommError::TooLarge { .. })));
    }
}
