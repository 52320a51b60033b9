//! What a worker's command line says, for the operator that plans a pod and for the agent that runs in it.

mod duration;
mod mentions;
mod plain;
mod processes;
mod scheduler;
mod value;

pub use mentions::mentions_a_worker;
pub use plain::{NotPlain, Place, WorkerLine};
pub use processes::processes;
pub use scheduler::scheduler;
pub use value::value;
