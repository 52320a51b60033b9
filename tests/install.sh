#!/usr/bin/env bash
# Builds the operator, puts its image and Dask's into a cluster's nodes, and installs chart and definitions from this checkout.
# Usage: install.sh CLUSTER (of kind/up.sh). Run again it changes only what differs; a new program restarts the operator.
# With USE_EXISTING_CLUSTER=1 nothing is built: OPERATOR_IMAGE (name:tag) must be where that cluster can pull it.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$HERE/kind/common.sh" # sets HERE to kind's folder
REPO=$(cd "$HERE/../.." && pwd)
CLUSTER=${1:?usage: install.sh CLUSTER}
IMAGE=${OPERATOR_IMAGE:-dask-operator:e2e}
NAMESPACE=dask-operator-system
TARGET=x86_64-unknown-linux-musl
pick_engine

there() { "$HERE/inside.sh" "$CLUSTER" "$@"; }

program() {
  ! command -v rustup >/dev/null || rustup target list --installed | grep -qx $TARGET || rustup target add $TARGET
  command -v musl-gcc >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends musl-tools; }
  # Its output is worth seeing when it fails, and `quiet` keeps it.
  cd "$REPO" && CC_x86_64_unknown_linux_musl=musl-gcc cargo build --locked --profile image -p dask-operator --target $TARGET
}

definitions() { there kubectl apply --server-side --force-conflicts -f "$REPO/charts/dask-operator/crds/"; }

# The chart passes the strictest Pod Security Standard: its namespace takes nothing else.
namespace() {
  there kubectl create namespace $NAMESPACE --dry-run=client -o yaml | there kubectl apply -f -
  there kubectl label --overwrite namespace $NAMESPACE pod-security.kubernetes.io/enforce=restricted
}

chart() { # ID: of the image, so that another content under the same tag makes another pod
  there helm upgrade --install dask-operator "$REPO/charts/dask-operator" --namespace $NAMESPACE --create-namespace --skip-crds \
    --set "image.name=${IMAGE%:*},image.tag=${IMAGE##*:},image.pullPolicy=IfNotPresent" --set-string "podAnnotations.image-id=$1"
  there kubectl -n $NAMESPACE rollout status deployment/dask-operator --timeout=120s
}

id=$IMAGE
if [ "$ENGINE" != existing ]; then
  quiet "operator built" program
  "$HERE/operator-image.sh" "${CARGO_TARGET_DIR:-$REPO/target}/$TARGET/image/dask-operator" "$IMAGE" "$CLUSTER"
  "$HERE/dask-image.sh" "$DASK" "$CLUSTER"
  id=$(docker image inspect -f '{{.Id}}' "$IMAGE")
fi
quiet "definitions applied" definitions
quiet "namespace restricted" namespace
quiet "chart installed" chart "$id"
