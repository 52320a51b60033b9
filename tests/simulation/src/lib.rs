//! The whole operator in a simulated world: a seed decides what happens, and the same seed does it again.

pub mod act;
pub mod chance;
pub mod clock;
pub mod dask;
pub mod end;
pub mod judge;
pub mod manifest;
pub mod named;
pub mod network;
pub mod random;
pub mod scenario;
pub mod small;
pub mod trace;
pub mod workload;
pub mod world;
