//! Dask's wire protocol (framing, handshake, msgpack messages) and a typed client of the scheduler.
//!
//! Both sides of a connection are untrusted: every length, depth and time a peer can choose is bounded by
//! [`Limits`] and [`Timeouts`].

pub mod budget;
pub mod connection;
mod demand;
pub mod error;
pub mod frames;
pub mod handshake;
pub mod identity;
pub mod limits;
pub mod message;
mod raw;
mod replies;
pub mod scheduler;
pub mod tls;
mod tokens;
mod typed;
pub mod version;

pub use budget::Budget;
pub use connection::Connection;
pub use demand::{Demand, Shape, Work};
pub use error::CommError;
pub use handshake::Hello;
pub use identity::{AgentCounts, Identity, RefusedWorker, WorkerInfo, WorkerStatus};
pub use limits::{Limits, Timeouts};
pub use message::Message;
pub use rmpv::Value;
pub use scheduler::SchedulerClient;
pub use typed::field;
pub use version::DistributedVersion;
