#!/usr/bin/env bash
# From a worker's pod, created, to its first task, with the agent and without, on kind. Usage: pod.sh ROUNDS
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$HERE/../kind/common.sh" # sets HERE to kind's folder
TESTS=$(cd "$HERE/.." && pwd)
CLUSTER=e2e
NAMESPACE=bench-pod
pick_engine
"$HERE/up.sh" "$CLUSTER" >/dev/null
"$TESTS/install.sh" "$CLUSTER"
PYTHON=$("$TESTS/dask/venv.sh" "$DASK")
there() { "$HERE/inside.sh" "$CLUSTER" "$@"; }
there kubectl create namespace $NAMESPACE >/dev/null
trap 'there kubectl delete namespace $NAMESPACE >/dev/null' EXIT
there "$PYTHON" "$TESTS/bench/pod.py" $NAMESPACE "dask-test:$DASK" "${1:?usage: pod.sh ROUNDS}"
