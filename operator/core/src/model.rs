//! What is observed: slim records of Kubernetes' objects, of nodes and of schedulers, and the names that they have.

pub mod backoff;
pub mod hash;
pub mod names;
pub mod node;
pub mod objects;
pub mod pod;
pub(crate) mod restarts;
pub(crate) mod runner;
pub mod scheduler;
pub mod taints;
pub mod time;
pub mod tls;
