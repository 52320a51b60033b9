//! What can happen to the small world between two looks of the operator, and how it is written down.

use std::{fmt, str::FromStr};

/// What becomes of one write to the API server.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub enum Fate {
    /// Done and answered.
    Done,
    /// Refused: another client changed the object.
    Conflict,
    /// Refused: forbidden.
    Forbidden,
    /// Done, and no answer.
    LostDone,
    /// Not done, and no answer.
    Lost,
    /// The operator's process ends before it is sent.
    CrashBefore,
    /// The operator's process ends before the answer comes.
    CrashAfter,
}

impl Fate {
    /// Whether the API server did it.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Done | Self::LostDone | Self::CrashAfter)
    }

    /// Whether the operator's process ended.
    pub fn is_crash(self) -> bool {
        matches!(self, Self::CrashBefore | Self::CrashAfter)
    }
}

/// How a call of `retire_workers` is answered.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub enum Answer {
    /// Only the first worker may go.
    Partial,
    /// No worker may go.
    Refuse,
    /// It happens, and the answer is lost.
    LostDone,
    /// It does not happen, and nothing is answered.
    Lost,
    /// Nothing is answered in time; it happens some seconds later.
    Late,
    /// It happens and is answered some seconds later.
    Delay,
}

/// What the scheduler answers to `adaptive_target`.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub enum Target {
    /// A number of workers.
    Value(u8),
    /// An error.
    Error,
    /// More than anybody has.
    Huge,
}

/// One thing that happens. Numbers pick a pod or a worker, counted round.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub enum Event {
    /// Nothing.
    Calm,
    /// A person or another program sets the group's size.
    Resize(u8),
    /// The scheduler's demand.
    Demand(Target),
    /// A result, the only copy of it, arrives on a worker.
    Data(u8),
    /// A big one.
    Big(u8),
    /// A task starts on a worker; from 4 on, one that secedes.
    Task(u8),
    /// A pod fails.
    Fail(u8),
    /// A pod is evicted.
    Evict(u8),
    /// A node does not answer for some seconds.
    NodeLost(u8),
    /// The kubelets do nothing for some seconds.
    KubeletPause,
    /// The scheduler does not answer for some seconds.
    Silent,
    /// The scheduler is not asked for some seconds.
    Stall,
    /// A reading begins now and ends some seconds later.
    SlowReading,
    /// The scheduler does not tell who may leave for some seconds.
    NoOffer,
    /// A worker sends no heartbeats for a while.
    Freeze(u8),
    /// The scheduler's process is replaced.
    NewScheduler,
    /// How the call that is under way is answered.
    Answer(Answer),
    /// What becomes of the n-th write of the next turn.
    Write(Fate, u8),
    /// The operator's process is replaced.
    Crash,
    /// The watch of pods shows nothing for some seconds.
    LagPods,
    /// The watch of pods shows one change at a time for some seconds.
    Trickle,
    /// The watch of groups shows nothing for some seconds.
    LagGroup,
    /// An autoscaler begins or stops to decide the size.
    Autoscale(bool),
    /// So many seconds pass at once.
    Wait(u8),
}

/// Every event that has no number, with its name.
const PLAIN: [(&str, Event); 21] = [
    (".", Event::Calm),
    ("demand-error", Event::Demand(Target::Error)),
    ("demand-huge", Event::Demand(Target::Huge)),
    ("kubelet-pause", Event::KubeletPause),
    ("silent", Event::Silent),
    ("stall", Event::Stall),
    ("slow-reading", Event::SlowReading),
    ("no-offer", Event::NoOffer),
    ("new-scheduler", Event::NewScheduler),
    ("answer-partial", Event::Answer(Answer::Partial)),
    ("answer-refuse", Event::Answer(Answer::Refuse)),
    ("answer-lost-done", Event::Answer(Answer::LostDone)),
    ("answer-lost", Event::Answer(Answer::Lost)),
    ("answer-late", Event::Answer(Answer::Late)),
    ("answer-delay", Event::Answer(Answer::Delay)),
    ("crash", Event::Crash),
    ("lag-pods", Event::LagPods),
    ("trickle", Event::Trickle),
    ("lag-group", Event::LagGroup),
    ("autoscale-on", Event::Autoscale(true)),
    ("autoscale-off", Event::Autoscale(false)),
];

type Numbered = fn(u8) -> Event;

/// Every event that has a number, with its name; an event is one of these if the number gives it back.
const NUMBERED: [(&str, Numbered); 16] = [
    ("resize", Event::Resize),
    ("demand", |n| Event::Demand(Target::Value(n))),
    ("data", Event::Data),
    ("big", Event::Big),
    ("task", Event::Task),
    ("fail", Event::Fail),
    ("evict", Event::Evict),
    ("node-lost", Event::NodeLost),
    ("freeze", Event::Freeze),
    ("wait", Event::Wait),
    ("conflict", |n| Event::Write(Fate::Conflict, n)),
    ("forbidden", |n| Event::Write(Fate::Forbidden, n)),
    ("lost-done", |n| Event::Write(Fate::LostDone, n)),
    ("lost", |n| Event::Write(Fate::Lost, n)),
    ("crash-before", |n| Event::Write(Fate::CrashBefore, n)),
    ("crash-after", |n| Event::Write(Fate::CrashAfter, n)),
];

impl Event {
    fn number(self) -> u8 {
        match self {
            Self::Resize(n)
            | Self::Demand(Target::Value(n))
            | Self::Data(n)
            | Self::Big(n)
            | Self::Task(n)
            | Self::Fail(n)
            | Self::Evict(n)
            | Self::NodeLost(n)
            | Self::Freeze(n)
            | Self::Wait(n)
            | Self::Write(_, n) => n,
            _ => 0,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, _)) = PLAIN.iter().find(|(_, e)| e == self) {
            return f.write_str(name);
        }
        let n = self.number();
        let name = NUMBERED.iter().find(|(_, make)| make(n) == *self).map_or("?", |(name, _)| name);
        write!(f, "{name}={n}")
    }
}

impl FromStr for Event {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((_, event)) = PLAIN.iter().find(|(name, _)| *name == text) {
            return Ok(*event);
        }
        let numbered = text.split_once('=').and_then(|(name, n)| {
            let (_, make) = NUMBERED.iter().find(|(known, _)| *known == name)?;
            Some(make(n.parse().ok()?))
        });
        numbered.ok_or_else(|| text.to_string())
    }
}
