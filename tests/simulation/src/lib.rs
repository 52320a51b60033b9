//! The whole operator in a simulated world: a seed decides what happens, and the same seed does it again.

pub mod small;
