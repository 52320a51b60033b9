//! A Kubernetes cluster of processes on one machine: an API server of memory, one node, Services, and the real operator.

pub mod cluster;
pub mod controllers;
pub mod home;
pub mod logs;
pub mod node;
pub mod operator;
mod origin;
pub mod services;
pub mod streams;
pub mod watchdog;
