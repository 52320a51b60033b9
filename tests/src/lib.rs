//! Harness of the end-to-end tests: namespaces, Dask clusters in them, Dask's own client, and waiting for states.
//!
//! The tests talk to a real API server, real pods and real Dask processes; `tests/e2e.sh` brings all that up and starts
//! them where pods can be reached by their addresses.

pub mod audit;
pub mod compat;
pub mod dask;
pub mod driver;
pub mod guide;
pub mod inputs;
pub mod kubectl;
pub mod manifest;
pub mod namespace;
pub mod node;
pub mod report;
pub mod settings;
pub mod wait;
