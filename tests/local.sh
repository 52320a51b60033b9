#!/usr/bin/env bash
# End-to-end tests that need no containers, on a cluster of processes: real Dask, in minutes. Usage: local.sh [FILTER...]
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$HERE/.."
python=$("$HERE/dask/venv.sh" "$(<"$HERE/dask/newest")")
client=$("$HERE/client-venv.sh" "$(<"$HERE/dask/newest")")
if ! command -v kubectl >/dev/null; then
  PATH=${KIND_CACHE:-$HOME/.cache/dask-operator-kind}/bin:$PATH
  command -v kubectl >/dev/null || "$HERE/kind/programs.sh" >&2
fi
source "$HERE/built.sh"
laptop=$(laptop_built)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

export E2E=1 E2E_CLUSTER=laptop E2E_DASK_IMAGE=ghcr.io/dask/dask:latest E2E_PYTHON=$python
export E2E_CLIENT_PYTHON=$client RUST_LIB_BACKTRACE=0
# What needs containers, quotas, limits, several nodes, or minutes.
skip=(agent::a agent::t agent::w both_families evicted_for_its_own_disk serial:: after_all:: worker_crashes:: compatibility:: kube_cluster_of cluster_faults:: what_keeps_workers workers_come_with_the_work)
# Of what people really run, the slow ones are run on kind alone, unless they are asked for (local.sh inputs::).
[ $# != 0 ] || skip+=(inputs::pod_ends inputs::replicas one_string tls_may_be double_dash)
"$laptop" --python "$python" --dir "$dir/cluster" -- \
  "${E2E_TESTS[@]}" -- --include-ignored --test-threads "${E2E_THREADS:-4}" "${skip[@]/#/--skip=}" "$@"
