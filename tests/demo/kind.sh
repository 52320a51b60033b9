#!/usr/bin/env bash
# The main job, from nothing: a kind cluster, the chart, examples/, and examples/workflow.py with a live timeline.
# Fails if a result is wrong, if x, y and z did not run in parallel, or if no worker was added in the middle.
#
# Settings are those of tests/kind, e.g. USE_EXISTING_CLUSTER=1. Then the cluster's nodes have to find the images:
# OPERATOR_IMAGE (needed), and DASK_IMAGE (default: Dask's published image of the client's version).
source "$(dirname "$0")/../kind/common.sh"
DEMO=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$DEMO/../.." && pwd)
NAMESPACE=dask-demo
STORY=$CACHE/log/demo-timeline.log

existing() { [ "${USE_EXISTING_CLUSTER:-}" = 1 ]; }
on_cluster() { "$HERE/inside.sh" demo "$@"; }
kube() { on_cluster kubectl --namespace "$NAMESPACE" "$@"; }

# Sets PYTHON (the client's) and DASK_IMAGE (the cluster's).
dask() {
  PYTHON=$(PYTHON=python3.11 "$HERE/../dask/venv.sh" "$DASK")
  if existing; then
    [ -n "${OPERATOR_IMAGE:-}" ] || die "USE_EXISTING_CLUSTER=1 needs OPERATOR_IMAGE=NAME:TAG that its nodes can pull"
    DASK_IMAGE=${DASK_IMAGE:-$(sed -n 's/^ *image: \(.*\):latest$/\1/p;T;q' "$ROOT/examples/cluster.yaml"):$DASK-py3.11}
  else
    DASK_IMAGE=dask-test:$DASK
  fi
}

example() {
  on_cluster kubectl create namespace "$NAMESPACE" --dry-run=client -o yaml | on_cluster kubectl apply -f -
  kube delete daskautoscaler,daskcluster example --ignore-not-found --timeout=60s
  kube wait --for=delete --timeout=120s pod --selector dask.org/cluster-name=example
  sed "s|^\( *image:\) .*|\1 $DASK_IMAGE|" "$ROOT/examples/cluster.yaml" | kube apply -f -
  kube apply -f "$ROOT/examples/autoscaler.yaml"
  kube wait --for=condition=SchedulerReady --timeout=300s daskcluster/example
}

# Sets SCHEDULER to an address that a client reaches: the Service's, else that of a port-forward, which ends with us.
scheduler() {
  local out=$CACHE/log/demo-port-forward.log
  SCHEDULER=tcp://example-scheduler.$NAMESPACE:8786
  [ -z "$NETNS" ] || return 0
  # Not by the function: $! would be a shell around it.
  "$HERE/inside.sh" demo kubectl -n "$NAMESPACE" port-forward --address 127.0.0.1 service/example-scheduler :8786 >"$out" 2>&1 &
  # shellcheck disable=SC2064 # this process, not a later one
  trap "kill $! 2>/dev/null" EXIT
  for _ in $(seq 60); do
    SCHEDULER=tcp://$(sed -n 's/^Forwarding from \(127[0-9.:]*\) .*/\1/p' "$out")
    [ "$SCHEDULER" = tcp:// ] || return 0
    sleep 0.5
  done
  die "no port-forward to the scheduler (see $out)"
}

workflow() {
  # The patch release of Python may differ between the client and an image, which Dask warns of.
  on_cluster env PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS="ignore:Mismatched versions found" \
    "$PYTHON" "$DEMO/timeline.py" --cluster example --namespace "$NAMESPACE" --require-growth --linger 90 \
    --summary "$CACHE/log/demo-summary.json" "$SCHEDULER" -- \
    "$PYTHON" "$ROOT/examples/workflow.py" "$SCHEDULER" 2>&1 | tee "$STORY"
}

assignments=$("$HERE/up.sh" demo)
eval "$assignments"
dask
"$HERE/../install.sh" demo
quiet "examples applied, scheduler ready" example
scheduler
log "python examples/workflow.py $SCHEDULER"
echo
workflow || die "the workflow (all of the above: $STORY)"
echo
log "it worked; the cluster stays up"
cat <<HELP

To look at it:
  tests/demo/dashboard.sh                       # http://127.0.0.1:8787/status, until Ctrl-C
  tests/kind/inside.sh demo kubectl -n $NAMESPACE get daskclusters,daskworkergroups,daskautoscalers,pods
  tests/kind/inside.sh demo kubectl -n $NAMESPACE get events
  tests/kind/inside.sh demo kubectl -n dask-operator-system logs deployment/dask-operator
  tests/kind/inside.sh demo kubectl -n $NAMESPACE delete daskautoscaler example
  tests/kind/inside.sh demo kubectl -n $NAMESPACE scale daskcluster example --replicas=3
To remove it: make clean
HELP
