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
source "$HERE/sets.sh"
laptop=$(laptop_built)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

export E2E=1 E2E_CLUSTER=laptop E2E_DASK_IMAGE=ghcr.io/dask/dask:latest E2E_PYTHON=$python
export E2E_CLIENT_PYTHON=$client RUST_LIB_BACKTRACE=0
skip=("${KIND_ALONE[@]}")
# Some are only slow here: they run where they are asked for by name (local.sh inputs::).
[ $# = 0 ] || skip=("${NO_PROCESSES[@]}")
"$laptop" --python "$python" --dir "$dir/cluster" -- \
  "${E2E_TESTS[@]}" -- --include-ignored --test-threads "${E2E_THREADS:-4}" "${skip[@]/#/--skip=}" "$@"
