//! The server as clients see it.

mod client;
mod direct;
mod real;
mod watches;
