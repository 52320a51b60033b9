//! What agents said at the end of their pods, told to people: work may have been lost.

use crate::{
    action::{Action, EventRecord},
    group::{Findings, Input},
};

/// Endings with which nothing was lost that the scheduler still knew.
const HARMLESS: &str = "SchedulerLost:";

/// One event for each pod whose workers did not leave in order; the shell tells each only once.
pub(crate) fn plan(input: &Input<'_>, found: &mut Findings) {
    for pod in input.pods {
        let Some(words) = pod.last_words.as_deref().filter(|w| !w.starts_with(HARMLESS)) else { continue };
        let message = format!("pod {} ended before its workers had left: {words}", pod.name);
        found.actions.push(Action::Event(EventRecord::warning("LeftInHaste", &message)));
    }
}
