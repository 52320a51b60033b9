//! What the operator decides: pure functions from what is observed to a list of actions.
//!
//! Nothing here talks to Kubernetes or to Dask, looks at a clock, at the environment or at randomness.
//! Every function gets what is observed *now* and answers what to do about it; the shell (the crate
//! `dask-operator`) observes and acts. Two calls with equal arguments give equal answers.

pub mod autoscaler;
pub mod cluster;
pub mod job;
pub mod model;
pub mod plan;
pub mod protocol;
pub mod resources;
pub mod validation;
pub mod worker_group;
