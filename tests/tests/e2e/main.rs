//! End-to-end tests on a real cluster with real Dask; `tests/e2e.sh` (make e2e) runs them.

mod admission_rejections;
mod after_all;
mod agent;
mod autoscaling;
mod bad_input;
mod basics;
mod cluster_faults;
mod compatibility;
mod demand;
mod drain_timeout;
mod healing;
mod idle;
mod inputs;
mod jobs;
mod kube_cluster;
mod processes;
mod removal;
mod scaling;
mod serial;
mod spec_conditions;
mod templates;
mod worker_crashes;
