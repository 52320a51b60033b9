//! What a worker's command line says, for the operator that plans a pod and for the agent that runs in it.

mod duration;
mod mentions;
mod plain;
mod scheduler;
mod value;
mod words;

pub use mentions::mentions_a_worker;
pub use plain::{NotPlain, Place, WorkerLine};
pub use scheduler::{Named, named, scheduler};
pub use value::value;
