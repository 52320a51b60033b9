//! The server as clients see it.

mod client;
mod direct;
mod kubectl;
mod real;
mod watches;
