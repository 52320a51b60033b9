//! A Kubernetes API server in memory: what the operator sees of a real one, without processes, sockets or time.

pub mod conformance;
