//! The API server: a client with a guard, the paths of its resources, the election of a leader, and what is read of its objects.

pub mod api;
pub mod client;
pub mod extract;
pub mod leader_election;
pub mod partial_types;
pub mod slim_metadata;
