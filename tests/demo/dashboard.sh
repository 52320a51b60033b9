#!/usr/bin/env bash
# Makes the demo's dashboard reachable at 127.0.0.1 of this machine until it is interrupted. Usage: dashboard.sh [PORT]
source "$(dirname "$0")/../kind/common.sh"
DEMO=$(cd "$(dirname "$0")" && pwd)
PORT=${1:-8787}
[[ $PORT =~ ^[0-9]+$ ]] || die "usage: dashboard.sh [PORT]"
[ -r "$CACHE/clusters/demo/env" ] || die "there is no demo yet: run make demo-kind"
# shellcheck source=/dev/null
source "$CACHE/clusters/demo/env"
"$HERE/inside.sh" demo kubectl -n dask-demo get service example-scheduler >/dev/null ||
  die "the demo's Dask cluster is not there: run make demo-kind"

echo "http://127.0.0.1:$PORT/status   (until Ctrl-C)"
if [ -n "$NETNS" ]; then
  exec python3 "$DEMO/forward.py" "$PORT" example-scheduler.dask-demo:8787 "$HERE/inside.sh" demo
fi
exec "$HERE/inside.sh" demo kubectl -n dask-demo port-forward --address 127.0.0.1 service/example-scheduler "$PORT:8787"
