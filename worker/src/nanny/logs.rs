//! The agent's newest log lines, for `Client.get_worker_logs(nanny=True)`.

use std::{
    collections::VecDeque,
    fmt::{Debug, Write},
    sync::{Arc, Mutex, PoisonError},
};

use tracing::{Event, Level, Subscriber, field::Visit};
use tracing_subscriber::{Layer, layer::Context};

/// As many as a Nanny keeps by default (`distributed.admin.log-length` was 10 000 once and is unbounded now).
const KEPT: usize = 1000;

/// The newest lines, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Logs(Arc<Mutex<VecDeque<(Level, String)>>>);

impl Logs {
    /// Up to `n` lines, newest first, after leaving out the `start` newest; with their level as Python names it.
    pub fn newest(&self, start: usize, n: Option<usize>) -> Vec<(&'static str, String)> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = lines.iter().rev().skip(start).take(n.unwrap_or(KEPT));
        lines.map(|(level, line)| (python(*level), line.clone())).collect()
    }
}

fn python(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        _ => "DEBUG",
    }
}

impl<S: Subscriber> Layer<S> for Logs {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        let level = *event.metadata().level();
        let text = format!("dask-agent - {} - {}{}", python(level), line.message, line.fields);
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.truncate(KEPT);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back((level, text));
    }
}

/// An event's text.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn Debug) {
        // Writing to a text cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn the_newest_come_first_and_old_ones_go() {
        let logs = Logs::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(logs.clone()), || {
            for n in 0..KEPT + 5 {
                tracing::info!(n, "line");
            }
            tracing::warn!("last");
        });
        assert_eq!(
            logs.newest(0, Some(2)),
            [
                ("WARNING", "dask-agent - WARNING - last".to_owned()),
                ("INFO", format!("dask-agent - INFO - line n={}", KEPT + 4)),
            ]
        );
        assert_eq!(logs.newest(0, None).len(), KEPT);
        assert_eq!(logs.newest(KEPT - 1, None).len(), 1);
    }
}
