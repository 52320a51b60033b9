//! What is observed: slim records of Kubernetes' objects, of nodes and of schedulers, and the names that they have.

pub mod backoff;
pub mod demand;
pub mod deployment;
pub mod hash;
pub mod names;
pub mod node;
pub mod object;
pub mod owner;
pub mod pod;
pub mod restarts;
pub mod runner;
pub mod scheduler;
pub mod service;
pub mod taints;
pub(crate) mod text_type;
pub mod time;
pub mod tls;
pub mod trouble;
pub mod uid;
pub mod worker_address;
