//! A Kubernetes API server in memory: what the operator sees of a real one, without processes, sockets or time.

pub mod apply;
mod asked;
mod binding;
mod call;
mod create;
mod decode;
mod definitions;
mod delete;
mod discovery;
mod garbage;
mod handle;
pub mod http;
mod journal;
mod kinds;
mod list;
mod meta;
mod names;
mod openapi;
mod partial;
mod patch;
mod protobuf;
mod quantity;
mod request;
mod review;
mod rules;
mod scale;
pub mod schema;
mod selector;
mod server;
mod server_side;
mod service;
mod shape;
mod status;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod update;
mod watch;

pub use call::{Call, DeleteOptions, Propagation};
pub use definitions::Definitions;
pub use journal::{Change, Preconditions, Verb};
pub use server::{ApiServer, Settings};
pub use service::{ResponseBody, Service};
pub use status::{Details, Status};
