//! The autoscalers that are compared.

pub mod adaptive;
pub mod adaptive_target;
pub mod dask_kubernetes;
pub mod operator;

use crate::world::World;

/// An autoscaler.
pub trait Contender {
    /// What it is called.
    fn name(&self) -> &'static str;
    /// Milliseconds between two looks.
    fn interval(&self) -> u64;
    /// Looks, and asks for workers or lets some go.
    fn act(&mut self, world: &mut World<'_>);
}
