#!/usr/bin/env bash
# An image that holds the operator, the agent and nothing else, loaded into the nodes. Usage: operator-image.sh FOLDER TAG [CLUSTER]
# The same as the root's Dockerfile makes, but needs no image to start from. Costs nothing when the programs are the same.
source "$(dirname "$0")/common.sh"
[ $# -ge 2 ] || die "usage: operator-image.sh FOLDER TAG [CLUSTER]"
IMAGE=$2 PROGRAMS=("$1/dask-operator" "$1/dask-agent")
pick_engine
[ "$ENGINE" != existing ] || exit 0
lock images
for program in "${PROGRAMS[@]}"; do
  [ -x "$program" ] || die "$program is not an executable file"
  ! ldd "$program" 2>/dev/null | grep -q '=>' || die "$program is not static: nothing it is linked with would be in the image"
done
key=$(cat "$0" "${PROGRAMS[@]}" | sha256sum | cut -c1-16)

pack() {
  local folder
  folder=$(mktemp -d)
  install -m 755 "${PROGRAMS[@]}" "$folder/"
  tar -C "$folder" --owner=0 --group=0 -c dask-operator dask-agent | docker import --change 'ENTRYPOINT ["/dask-operator"]' \
    --change 'USER 65532:65532' --change "LABEL key=$key" - "$IMAGE"
  rm -rf "$folder"
  superseded
}

[ "$(docker image inspect -f '{{.Config.Labels.key}}' "$IMAGE" 2>/dev/null)" = "$key" ] || quiet "$IMAGE packed" pack
"$HERE/load.sh" "$IMAGE" ${3:+"$3"}
