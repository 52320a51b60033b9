//! Waiting for a state, and watching that a state stays.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep, timeout_at};

/// How often is looked.
const POLL: Duration = Duration::from_millis(200);

/// So many seconds.
pub const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Looks until what is looked for is there. `look` answers an error while it is not, which says what it saw instead.
///
/// # Errors
/// Not within `limit`; with what was seen last.
pub async fn until<T>(what: &str, limit: Duration, mut look: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + limit;
    let mut last = anyhow::anyhow!("nothing was seen");
    while Instant::now() < deadline {
        match timeout_at(deadline, look()).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(why)) => last = why,
            Err(_) => break,
        }
        sleep(POLL).await;
    }
    bail!("not within {} s: {what}; last seen: {last:#}", limit.as_secs())
}

/// Looks for that long, and again and again finds what `look` does not object to.
///
/// # Errors
/// The first objection.
pub async fn throughout(what: &str, time: Duration, mut look: impl AsyncFnMut() -> Result<()>) -> Result<()> {
    let start = Instant::now();
    loop {
        look()
            .await
            .with_context(|| format!("{what}: no more after {:.1} s", start.elapsed().as_secs_f64()))?;
        if start.elapsed() >= time {
            return Ok(());
        }
        sleep(POLL).await;
    }
}
