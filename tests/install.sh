#!/usr/bin/env bash
# Builds the operator, puts its image and Dask's into a cluster's nodes, and installs chart and definitions from this checkout.
# Usage: install.sh CLUSTER (of kind/up.sh). Run again it changes only what differs; a new program restarts the operator.
# With USE_EXISTING_CLUSTER=1 nothing is built: OPERATOR_IMAGE (name:tag) must be where that cluster can pull it.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$HERE/kind/common.sh" # sets HERE to kind's folder
REPO=$(cd "$HERE/../.." && pwd)
source "$REPO/tests/static.sh"
CLUSTER=${1:?usage: install.sh CLUSTER}
IMAGE=${OPERATOR_IMAGE:-dask-operator:e2e}
NAMESPACE=dask-operator-system
pick_engine

there() { "$HERE/inside.sh" "$CLUSTER" "$@"; }

definitions() { there kubectl apply --server-side --force-conflicts -f "$REPO/charts/dask-operator/crds/"; }

# The chart passes the strictest Pod Security Standard: its namespace takes nothing else.
namespace() {
  there kubectl create namespace $NAMESPACE --dry-run=client -o yaml | there kubectl apply -f -
  there kubectl label --overwrite namespace $NAMESPACE pod-security.kubernetes.io/enforce=restricted
}

chart() { # ID: of the image, so that another content under the same tag makes another pod
  there helm upgrade --install dask-operator "$REPO/charts/dask-operator" --namespace $NAMESPACE --create-namespace --skip-crds \
    --set "image.name=${IMAGE%:*},image.tag=${IMAGE##*:},image.pullPolicy=IfNotPresent" --set-string "podAnnotations.image-id=$1" \
    ${E2E_AGENT:+--set "agent.mode=$E2E_AGENT"}
  there kubectl -n $NAMESPACE rollout status deployment/dask-operator --timeout=120s
}

id=$IMAGE
if [ "$ENGINE" != existing ]; then
  "$HERE/dask-image.sh" "$DASK" "$CLUSTER" # first: the operator may still be compiled meanwhile (see e2e.sh)
  quiet "operator built" static_build
  "$HERE/operator-image.sh" "$(static_folder)" "$IMAGE" "$CLUSTER"
  id=$(docker image inspect -f '{{.Id}}' "$IMAGE")
fi
quiet "definitions applied" definitions
quiet "namespace restricted" namespace
quiet "chart installed" chart "$id"
