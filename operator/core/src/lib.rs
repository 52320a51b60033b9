//! What the operator decides: pure functions from what is observed to a list of actions.
//!
//! Nothing here talks to Kubernetes or to Dask, looks at a clock, at the environment or at randomness.
//! Every function gets what is observed *now* and answers what to do about it; the shell (the crate
//! `dask-operator`) observes and acts. Two calls with equal arguments give equal answers.

pub mod action;
pub mod agent;
pub mod autoscale;
pub mod blind;
pub mod body;
pub mod check;
pub mod cluster;
pub mod conditions;
pub mod drift;
pub mod expect;
pub mod explain;
pub mod group;
pub mod hash;
pub mod job;
pub mod lease;
pub mod lint;
pub mod merge;
pub mod names;
pub mod node;
pub mod record;
pub mod refusal;
mod renamed;
pub mod scheduler;
pub mod template;
pub mod time;
pub mod tls;
