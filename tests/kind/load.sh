#!/usr/bin/env bash
# Puts an image of the engine into the nodes that lack it. Usage: load.sh IMAGE [CLUSTER] (default: all clusters of this harness).
source "$(dirname "$0")/common.sh"
pick_engine
[ "$ENGINE" != existing ] || exit 0
IMAGE=$1
ID=$(docker image inspect -f '{{.Id}}' "$IMAGE")
STAMP=/kind/loaded/${IMAGE//[:\/]/_} # in the node, so that it goes with it

# --no-unpack is for the node image only: a node's own storage is a volume, and unpacking now makes the first pod quick.
import() {
  docker save "$IMAGE" | docker exec -i "$1" ctr -n k8s.io images import --digests --snapshotter overlayfs - &&
    docker exec "$1" sh -c "mkdir -p /kind/loaded && echo $ID >$STAMP"
}

load() {
  local node jobs=() job
  for node in "$@"; do
    import "$node" &
    jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job"; done
}

lacking=()
for cluster in ${2:-$(clusters)}; do
  for node in $(nodes "$cluster"); do
    [ "$(docker exec "$node" cat "$STAMP" 2>/dev/null)" = "$ID" ] || lacking+=("$node")
  done
done
[ ${#lacking[@]} = 0 ] || quiet "$IMAGE loaded" load "${lacking[@]}"
