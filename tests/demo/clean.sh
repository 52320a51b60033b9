#!/usr/bin/env bash
# Removes what kind.sh made. Usage: clean.sh [--all]
# With the last cluster go the engine and its network namespace.
# --all: also every other cluster, and all that was built, fetched or cached.
source "$(dirname "$0")/../kind/common.sh"
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
ALL=${1:-}
[ -z "$ALL" ] || [ "$ALL" = --all ] || die "usage: clean.sh [--all]"

# A cluster that is not ours keeps its CustomResourceDefinitions: with them all Dask clusters in it would go.
uninstall() {
  "$HERE/inside.sh" demo kubectl delete namespace dask-demo --ignore-not-found --timeout=180s
  "$HERE/inside.sh" demo helm uninstall dask-operator --namespace dask-operator-system --ignore-not-found --wait
}

STATE=$CACHE/clusters/demo
if [ -r "$STATE/env" ] && { [ "${USE_EXISTING_CLUSTER:-}" = 1 ] || [ ! -e "$STATE/number" ]; }; then # kind's have a number
  export USE_EXISTING_CLUSTER=1
  quiet "namespace dask-demo and chart removed" uninstall
fi
"$HERE/down.sh" demo ${ALL:+"$ALL"}
if [ -n "$ALL" ]; then
  rm -rf "$ROOT/target" "${XDG_CACHE_HOME:-$HOME/.cache}/dask-operator"
  log "builds and virtual environments removed"
elif [ "${USE_EXISTING_CLUSTER:-}" = 1 ]; then
  log "kept in the cluster: the CustomResourceDefinitions and the empty namespace dask-operator-system"
else
  log "kept for the next time: what was built and fetched (clean.sh --all removes it)"
fi
