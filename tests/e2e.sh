#!/usr/bin/env bash
# The end-to-end tests on a real cluster. Usage: e2e.sh [everyday|all|FILTER]; FILTER is a part of the tests' names, and
# everyday (`make e2e`) leaves out what `make test` has run on a cluster of processes, but for the main doors (see sets.sh).
# Cluster: kind, or with USE_EXISTING_CLUSTER=1 the one of KUBECONFIG (see kind/README.md and install.sh; E2E_DASK_IMAGE is
# then the image of scheduler and workers). E2E_THREADS: tests at a time (4). E2E_DASK: another version of Dask, for
# tests that need no client of dask-kubernetes (removal::, scaling::). E2E_AGENT: another mode of the agent than the chart's.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$HERE/kind/common.sh" # sets HERE to kind's folder
TESTS=$(cd "$HERE/.." && pwd)
CLUSTER=e2e
FILTER=${1:-everyday}
pick_engine
cd "$TESTS/.." || exit

# Compiled while the cluster starts; install.sh waits for it, and tells what went wrong.
if [ "$ENGINE" != existing ]; then
  source "$TESTS/static.sh"
  (REPO=$PWD static_build >/dev/null 2>&1) &
fi
"$HERE/up.sh" "$CLUSTER" >/dev/null
"$TESTS/chart/render.sh"
"$TESTS/install.sh" "$CLUSTER"
E2E_PYTHON=$("$TESTS/dask/venv.sh" "$DASK")
export E2E_PYTHON
if [ -z "${E2E_DASK:-}" ]; then # clients are tried with the newest Dask alone
  E2E_CLIENT_PYTHON=$("$TESTS/client-venv.sh" "$DASK")
  E2E_CLIENT_PYTHON_2024=$("$TESTS/client-venv.sh" "$DASK" 2024.9.0)
  E2E_CLIENT_PYTHON_2025=$("$TESTS/client-venv.sh" "$DASK" 2025.7.0)
  export E2E_CLIENT_PYTHON E2E_CLIENT_PYTHON_2024 E2E_CLIENT_PYTHON_2025
fi
export E2E_OPERATOR_IMAGE=${OPERATOR_IMAGE:-dask-operator:e2e}
export RUST_LIB_BACKTRACE=0 E2E=1 E2E_CLUSTER=$CLUSTER E2E_DASK_IMAGE=${E2E_DASK_IMAGE:-dask-test:$DASK}
source "$TESTS/built.sh"
source "$TESTS/sets.sh"
quiet "tests built" "${E2E_TESTS[@]}" --no-run

# run ARGS...: cargo starts the tests where the cluster is reached; everything is built, so it needs no network.
run() { "$HERE/inside.sh" "$CLUSTER" env CARGO_NET_OFFLINE=true "${E2E_TESTS[@]}" -- --include-ignored "$@"; }

skip=(--skip after_all::) # looks back at what the others did
# Not ours, or of another version.
[ "$ENGINE" != existing ] || skip+=(--skip worker_crashes:: --skip api_server:: --skip takeover:: --skip leader:: --skip conformance::)
log "tests start"
status=0 some=()
if [ "$FILTER" = everyday ] || [ "$FILTER" = all ]; then
  [ "$FILTER" = all ] || some=("${KIND_ALONE[@]}" "${BOTH[@]}")
  run --test-threads "${E2E_THREADS:-4}" "${skip[@]}" --skip serial:: "${some[@]}" || status=$?
  # The takeover installs the operator anew; other leaders are of the longer set.
  run --test-threads 1 "${skip[@]}" --skip leader:: --skip takeover:: serial:: || status=$?
  [ "$ENGINE" = existing ] || { run takeover:: && run after_all::; } || status=$?
else
  run --test-threads "${E2E_THREADS:-4}" "${skip[@]}" "$FILTER" || status=$?
fi
log "tests end"
exit $status
