//! Port forwarding in streams of SPDY/3.1: two for each connection, one of them for errors.

mod dictionary;
mod frame;
mod headers;
mod pairs;
mod session;

pub(super) use session::serve;
