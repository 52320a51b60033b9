//! End-to-end tests on a real cluster with real Dask; `tests/e2e.sh` (make e2e) runs them.

mod agent;
mod alone;
mod at_last;
mod autoscaling;
mod bad_input;
mod basics;
mod compatibility;
mod healing;
mod idle;
mod inputs;
mod jobs;
mod kube_cluster;
mod on_our_nodes;
mod patience;
mod processes;
mod refused;
mod removal;
mod scaling;
mod templates;
mod told;
mod trouble;
