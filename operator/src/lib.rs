//! The operator's shell: it observes Kubernetes and Dask, lets the core decide, and acts.
//!
//! Clock, randomness and connections to schedulers are handed in ([`env::Environment`]), and every collection
//! iterates in a fixed order, so that the whole operator can run in a simulated world.

pub mod apply;
pub mod cli;
mod clock_jump;
pub mod context;
pub mod controller;
pub mod env;
mod fair_shares;
pub mod health;
pub mod http;
pub mod kubernetes;
pub mod leadership;
pub mod metrics;
pub mod object_ref;
pub mod queue;
pub mod reconcile;
pub mod scheduler;
pub mod simulate;
pub mod store;
pub mod telemetry;
#[cfg(test)]
mod testing;
pub mod watch;
