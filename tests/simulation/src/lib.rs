//! The whole operator in a simulated world: a seed decides what happens, and the same seed does it again.

pub mod act;
pub mod clock;
pub mod dask;
pub mod final_state;
pub mod invariants;
pub mod manifest;
pub mod model_check;
pub mod network;
pub mod random;
pub mod scenario;
pub mod scenarios;
pub mod seeded_random;
pub mod trace;
pub mod workload;
pub mod world;
