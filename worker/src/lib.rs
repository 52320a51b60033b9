//! What others may use of the agent: how it decides, without anything that it runs on.

pub mod drain_plan;
