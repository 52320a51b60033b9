//! The operator's shell: it observes Kubernetes and Dask, lets the core decide, and acts.
//!
//! Clock, randomness and connections to schedulers are handed in ([`world::World`]), and every collection
//! iterates in a fixed order, so that the whole operator can run in a simulated world.

pub mod api;
pub mod args;
mod backoff;
pub mod cache;
pub mod client;
pub mod execute;
mod fair;
pub mod health;
mod jump;
pub mod leader;
pub mod link;
pub mod metrics;
pub mod queue;
pub mod reconcile;
pub mod run;
pub mod server;
pub mod state;
pub mod subject;
pub mod telemetry;
#[cfg(test)]
mod testing;
pub mod watch;
pub mod world;
