//! Tests that change what all others share: the operator, the API server, the definitions. `e2e.sh` runs them one by one.

mod agent;
mod api_server;
mod conformance;
mod isolation;
mod leader;
mod node;
mod operator_killed;
mod takeover;
