//! How one process of the operator works with others and with its own past: expectations, leader election, views that are out of date.

pub mod expectations;
pub mod leader_election;
pub mod stale_view;
