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
#[cfg(feature = "kubectl")]
mod openapi;
mod partial;
mod patch;
#[cfg(feature = "kubectl")]
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
#[cfg(feature = "kubectl")]
mod table;
mod update;
mod watch;
#[cfg(not(feature = "kubectl"))]
mod without_kubectl;

#[cfg(not(feature = "kubectl"))]
use without_kubectl::{openapi, protobuf, table};

pub use call::{Call, DeleteOptions, Propagation};
pub use definitions::Definitions;
pub use journal::{Change, Preconditions, Verb};
pub use server::{ApiServer, Settings};
pub use service::{ResponseBody, Service};
pub use status::{Details, Status};
