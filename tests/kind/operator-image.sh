#!/usr/bin/env bash
# An image that holds one static program and nothing else, loaded into the nodes. Usage: operator-image.sh BINARY TAG [CLUSTER]
# The same as the root's Dockerfile makes, but needs no image to start from. Costs nothing when the program is the same.
source "$(dirname "$0")/common.sh"
[ $# -ge 2 ] || die "usage: operator-image.sh BINARY TAG [CLUSTER]"
BINARY=$1 IMAGE=$2
pick_engine
[ "$ENGINE" != existing ] || exit 0
lock images
[ -x "$BINARY" ] || die "$BINARY is not an executable file"
! ldd "$BINARY" 2>/dev/null | grep -q '=>' || die "$BINARY is not static: nothing it is linked with would be in the image"
key=$(cat "$0" "$BINARY" | sha256sum | cut -c1-16)

pack() {
  local folder
  folder=$(mktemp -d)
  install -m 755 "$BINARY" "$folder/dask-operator"
  tar -C "$folder" --owner=0 --group=0 -c dask-operator | docker import --change 'ENTRYPOINT ["/dask-operator"]' \
    --change 'USER 65532:65532' --change "LABEL key=$key" - "$IMAGE"
  rm -rf "$folder"
  superseded
}

[ "$(docker image inspect -f '{{.Config.Labels.key}}' "$IMAGE" 2>/dev/null)" = "$key" ] || quiet "$IMAGE packed" pack
"$HERE/load.sh" "$IMAGE" ${3:+"$3"}
