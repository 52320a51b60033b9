# shellcheck shell=bash
# Sourced: which end-to-end tests run where, by parts of their names. `make test` runs all but those of KIND_ALONE on the
# cluster of processes, `make e2e` those of KIND_ALONE and BOTH on kind, and `make e2e-all` all of them on kind.

# What needs containers, quotas, limits, several nodes, or minutes.
NO_PROCESSES=(agent::a agent::t agent::w both_families evicted_for_its_own_disk serial:: after_all:: worker_crashes::
  compatibility:: kube_cluster_of cluster_faults:: what_keeps_workers workers_come_with_the_work)
# And of what people really run, the slow ones.
KIND_ALONE=("${NO_PROCESSES[@]}" inputs::pod_ends inputs::replicas one_string tls_may_be double_dash)
# Where a real API server, kubelet and garbage collector count most.
BOTH=(admission_rejections:: basics:: kube_cluster:: removal::)
