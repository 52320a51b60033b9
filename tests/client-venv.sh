#!/usr/bin/env bash
# Makes (once) a virtual environment with a published dask-kubernetes client and prints its python's path.
# Usage: client-venv.sh DASK_VERSION [CLIENT_VERSION]; without the latter, the newest client that was tried.
set -euo pipefail

version=${1:?usage: client-venv.sh DASK_VERSION [CLIENT_VERSION]}
client=${2:-2026.3.0}
for given in "$version" "$client"; do
  [[ $given =~ ^[0-9]{4}\.[0-9]{1,2}\.[0-9]{1,2}$ ]] || { echo "not a version: $given" >&2; exit 2; }
done
# The client's own dependencies decide the rest; of Dask it must be what the image has.
wanted=("dask-kubernetes==$client" "distributed==$version" "dask==$version" numpy pandas)
# The kr8s of that time imports it and does not say so; anyio, which brought it then, no longer does.
[[ $client != 2024.* ]] || wanted+=(sniffio)
exec "$(dirname "${BASH_SOURCE[0]}")/venv.sh" "kubernetes-$client-$version" dask_kubernetes.operator "${wanted[@]}"
