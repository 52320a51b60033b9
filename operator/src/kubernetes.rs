//! The API server: a client with a fence, the paths of its resources, and the election of a leader.

pub mod api;
pub mod client;
pub mod leader_election;
