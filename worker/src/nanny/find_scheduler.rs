//! Looks for a scheduler until it answers.

use std::time::Duration;

use tokio::time::Instant;

use crate::scheduler::AskError;

/// Between the first two looks for a scheduler; longer afterwards.
const LOOK: Duration = Duration::from_millis(200);
/// Longest time between two looks for it.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The same where something listens that does not answer as a scheduler does.
const LOOK_SELDOM: Duration = Duration::from_secs(10);

/// Asks a scheduler until it answers, or the time is over.
///
/// # Errors
/// It is not believed.
pub async fn persist<T>(
    limit: Option<Duration>,
    ask: impl AsyncFn() -> Result<T, AskError>,
) -> Result<Option<T>, AskError> {
    let begin = Instant::now();
    let mut pause = LOOK;
    loop {
        let left = limit.map_or(Duration::MAX, |limit| limit.saturating_sub(begin.elapsed()));
        let longest = match tokio::time::timeout(left, ask()).await {
            Ok(Ok(answer)) => return Ok(Some(answer)),
            Ok(Err(error)) if error.is_distrust() => return Err(error),
            Ok(Err(error)) => {
                tracing::debug!(%error, "no scheduler yet");
                // What listens there takes note of each try that it does not understand.
                if matches!(error, AskError::NotListening { .. }) { LOOK_AGAIN } else { LOOK_SELDOM }
            }
            Err(_) => return Ok(None),
        };
        if limit.is_some_and(|limit| begin.elapsed() >= limit) {
            return Ok(None);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}
