//! What a worker's command line says, for the operator that plans a pod and for the agent that runs in it.

mod duration;
mod plain;
mod processes;
mod resources;
mod scheduler;
mod starts;
mod value;
mod words;

pub use plain::{NotPlain, Place, WorkerLine};
pub use processes::processes;
pub use resources::resources;
pub use scheduler::{Named, named, scheduler};
pub use starts::{begins_with_a_program, starts_a_worker};
pub use value::value;
