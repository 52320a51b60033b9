#!/usr/bin/env bash
# Measures the operator beside a bare client and dask-kubernetes (`make bench`). Usage: bench.sh full|quick
# full writes docs/benchmarks.md and .json; quick is one small round and prints its tables. Ends badly if something did not
# finish; times are not judged. Settings: BENCH_ROUNDS (5, quick: 1), BENCH_KEEP=1 keeps logs and audit log.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$HERE/../kind/common.sh" # sets HERE to kind's folder
BENCH=$(cd "$HERE/../bench" && pwd)
REPO=$(cd "$BENCH/../.." && pwd)
source "$REPO/tests/static.sh"
MODE=${1:-}
[ "$MODE" = inside ] || [ "$MODE" = full ] || [ "$MODE" = quick ] || die "usage: bench.sh full|quick"
[ "$(id -u)" = 0 ] || die "a network namespace of its own takes root"

packages() {
  local command package missing=()
  while read -r command package; do
    command -v "$command" >/dev/null || missing+=("$package")
  done <<'LIST'
ip iproute2
jq jq
openssl openssl
unshare util-linux
cc gcc
LIST
  [ ${#missing[@]} = 0 ] && return
  quiet "packages installed" "$REPO/tests/packages.sh" "${missing[@]}" libc6-dev
}

settings() {
  local target package
  target=$(static_folder image)
  package=$("$PYTHON" -c 'import importlib.util as u; print(u.find_spec("dask_kubernetes").submodule_search_locations[0])')
  jq -n --arg directory "$DIR" --arg mode "$MODE" --argjson rounds "$ROUNDS" --arg python "$PYTHON" \
    --arg operator "$target/dask-operator" --arg bare "$target/bare_client" --arg ours "$REPO/charts/dask-operator/crds" \
    --arg theirs "$package/operator/deployment/helm/dask-kubernetes-operator/crds" \
    '{$directory, $mode, $rounds, $python, $operator, $bare, crds: {$ours, $theirs}}' >"$DIR/settings.json"
  jq -n --arg commit "$(git -C "$REPO" describe --always --dirty 2>/dev/null || echo unknown)" --arg rust "$(rustc --version)" \
    --arg kubernetes "$K8S" --arg etcd "$ETCD" --arg kwok "$KWOK" '{$commit, $rust, $kubernetes, $etcd, $kwok}' >"$DIR/versions.json"
}

# Runs in the namespaces: all that is started here ends with them, and no packet leaves.
if [ "$MODE" = inside ]; then
  DIR=${2:?usage: bench.sh inside DIR}
  ip link set lo up
  ip route add blackhole default
  "$BENCH/control-plane.sh" up "$DIR"
  status=0
  PYTHONDONTWRITEBYTECODE=1 python3 "$BENCH/run.py" "$DIR/settings.json" "$DIR/results.json" || status=$?
  "$BENCH/control-plane.sh" down "$DIR"
  exit $status
fi

ROUNDS=${BENCH_ROUNDS:-$([ "$MODE" = quick ] && echo 1 || echo 5)}
packages
(lock clusters && "$HERE/programs.sh")
quiet "bench programs built" static_build image
PYTHON=$("$REPO/tests/client-venv.sh" "$DASK")
DIR=$(mktemp -d "${TMPDIR:-/tmp}/dask-operator-bench.XXXXXX")
child=
away() {
  { [ -z "$child" ] || kill -9 "$child"; wait; } 2>/dev/null || true
  if [ "${BENCH_KEEP:-}" = 1 ]; then log "kept: $DIR"; else rm -rf "$DIR"; fi
}
trap away EXIT
trap 'exit 130' INT TERM HUP
settings
setpriv --pdeathsig KILL unshare --net --pid --fork --kill-child --mount-proc "$BENCH/bench.sh" inside "$DIR" </dev/null &
child=$!
status=0
wait $child || status=$?
child=
[ -s "$DIR/results.json" ] || die "nothing was measured"
export PYTHONDONTWRITEBYTECODE=1
if [ "$MODE" = full ]; then
  "$PYTHON" "$BENCH/report.py" "$DIR" "$REPO/docs/benchmarks"
  log "written: docs/benchmarks.md and docs/benchmarks.json"
else
  "$PYTHON" "$BENCH/report.py" "$DIR"
fi
[ $status = 0 ] || die "not everything finished"
