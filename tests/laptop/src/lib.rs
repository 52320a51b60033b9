//! A Kubernetes cluster of processes on one machine: its parts.

pub mod streams;
