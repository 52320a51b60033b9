//! What agents said at the end of their pods, told to people: work may have been lost.

use crate::{
    action::{Action, EventRecord},
    group::{Findings, Input},
};

/// One event for each pod whose workers did not leave in order; the shell tells each only once.
pub(crate) fn plan(input: &Input<'_>, found: &mut Findings) {
    for pod in input.pods {
        let Some(words) = &pod.last_words else { continue };
        let message = format!("pod {} ended before its workers had left: {words}", pod.name);
        found.actions.push(Action::Event(EventRecord::warning("LeftInHaste", &message)));
    }
}
