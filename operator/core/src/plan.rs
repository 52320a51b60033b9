//! What is decided: actions, conditions, events, and the patches that they are carried out with.

pub mod action;
pub mod body;
pub mod check;
pub mod conditions;
pub mod events;
pub mod kind;
pub mod merge_patch;
pub mod metadata_patch;
pub mod phases;
pub mod scheduler_need;
pub mod status_change;
