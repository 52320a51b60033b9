//! Whether a spec can be carried out: tried on the API server, checked for what was hardly meant, and told where it is refused.

pub mod api_rejection;
pub mod dry_run;
pub(crate) mod removed_commands;
pub mod stuck_pods;
pub mod warnings;
