#!/usr/bin/env bash
# Makes sure that a cluster is there and prints shell assignments for it: eval "$(tests/kind/up.sh NAME)".
# KUBECONFIG; NETNS (empty: none) in which it is valid; BIN with kubectl, helm, kwok; DOCKER_HOST of its nodes.
source "$(dirname "$0")/common.sh"
NAME=${1:?usage: up.sh NAME}
pick_engine
lock clusters

if [ "$ENGINE" = existing ]; then
  [ -n "${KUBECONFIG:-}" ] || die "USE_EXISTING_CLUSTER=1 needs KUBECONFIG"
else
  "$HERE/engine.sh"
  if [ "$ENGINE" = own ] || ! command -v kind || ! command -v kubectl || ! command -v helm; then "$HERE/programs.sh"; fi >/dev/null
  "$HERE/node-image.sh"
  KUBECONFIG=$("$HERE/cluster.sh" up "$NAME")
fi
mkdir -p "$CACHE/clusters/$NAME"
printf '%s=%q\n' KUBECONFIG "$KUBECONFIG" NETNS "$NETNS" BIN "$BIN" DOCKER_HOST "${DOCKER_HOST:-}" | tee "$CACHE/clusters/$NAME/env"
