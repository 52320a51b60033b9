//! The worker pod's first process: a Rust agent in place of Dask's Python Nanny.
//!
//! This room is empty so far. What will be here: a static program that starts the Python worker, drains it
//! on SIGTERM so that eviction and spot notices lose nothing, and answers the Nanny's RPC ops, over the
//! protocol in `dask-comm`. Until then worker pods run exactly what their manifest says.
