//! How it came out that the agent was the nanny of a pod's workers.

use std::time::Duration;

use crate::child::Child;

/// How it came out.
#[derive(Debug)]
pub enum Outcome {
    /// The pod ends with this code.
    Ended(i32),
    /// The pod has to go, because one of several workers failed with this code if there is one; those workers that there
    /// are have not left yet.
    Leave(Vec<Child>, Option<i32>),
    /// The workers' configuration asks for a Nanny of Python.
    NeedsNanny,
    /// No scheduler came in the workers' own time.
    NoScheduler(Duration),
}
