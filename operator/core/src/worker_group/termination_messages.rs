//! What agents said at the end of their pods, told to people: work may have been lost.

use std::time::Duration;

use crate::{
    model::time::Timestamp,
    plan::{action::Action, events::EventRecord},
    worker_group::{findings::Findings, input::Input},
};

/// For how long the words of a pod that is gone are told. One pass may fail before it tells them; the shell leaves out
/// what it told a short time ago, and remembers that for longer.
const TOLD: Duration = Duration::from_secs(60);
/// Pods that are gone whose words are kept: of a thousand that end at once, a hundred say enough.
const KEPT: usize = 100;

/// Last words of pods that are gone. A kubelet deletes a pod in the moment in which it tells how it ended, so that no
/// pass need ever see the pod with its words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard(Vec<(String, Option<Timestamp>)>);

impl Heard {
    /// The pod of this name is gone, and these were its agent's words.
    pub(crate) fn add(&mut self, pod: &str, words: &str) {
        if self.0.len() < KEPT {
            self.0.push((message(pod, words), None));
        }
    }
}

/// One event for each pod whose workers did not leave in order; the shell tells each only once.
pub(crate) fn report(input: &Input<'_>, heard: &mut Heard, found: &mut Findings) {
    let here = input.pods.iter().filter_map(|p| Some(message(&p.name, p.agent.last_words.as_ref()?)));
    let mut messages: Vec<String> = here.collect();
    heard.0.retain_mut(|(_, since)| input.now.since(*since.get_or_insert(input.now)) < TOLD);
    messages.extend(heard.0.iter().map(|(message, _)| message.clone()));
    found.actions.extend(messages.iter().map(|m| Action::Event(EventRecord::warning("LeftInHaste", m))));
}

fn message(pod: &str, words: &str) -> String {
    format!("pod {pod} ended before its workers had left: {words}")
}
