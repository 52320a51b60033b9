//! What autoscalers do with a workload: a scheduler, workers that take time to start, and the decisions of the operator
//! beside those of others.
//!
//! The operator's part is its own code, [`dask_operator_core::autoscaler`], and no model of it. The scheduler is a model
//! of Dask's: ready tasks run in the order in which they were submitted, on the first worker that has time.

pub mod compare;
pub mod contender;
mod events;
mod graph;
mod numbers;
pub mod outcome;
pub mod policy;
pub mod run;
pub mod setup;
pub mod table;
pub mod timeline;
pub mod workload;
pub mod world;
