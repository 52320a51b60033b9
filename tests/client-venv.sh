#!/usr/bin/env bash
# Makes (once) a virtual environment with a published dask-kubernetes client and prints its python's path.
# Usage: client-venv.sh DASK_VERSION [CLIENT_VERSION]; without the latter, the newest client that was tried.
# Beside those of dask/venv.sh; made anew when the version or this recipe changes, or the folder is removed.
set -euo pipefail

usage='usage: client-venv.sh DASK_VERSION [CLIENT_VERSION]'
version=${1:?$usage}
client=${2:-2026.3.0}
for given in "$version" ${client:+"$client"}; do
  [[ $given =~ ^[0-9]{4}\.[0-9]{1,2}\.[0-9]{1,2}$ ]] || { echo "not a version: $given" >&2; exit 2; }
done
root=${XDG_CACHE_HOME:-$HOME/.cache}/dask-operator/venvs
name=kubernetes-${client:+$client-}$version
venv=$root/$name
# The client's own dependencies decide the rest; of Dask it must be what the image has.
wanted=("dask-kubernetes${client:+==$client}" "distributed==$version" "dask==$version" numpy pandas)
# The kr8s of that time imports it and does not say so; anyio, which brought it then, no longer does.
[[ $client != 2024.* ]] || wanted+=(sniffio)
mkdir -p "$root"

exec 9>"$root/.$name.lock"
flock 9
if [ "$(cat "$venv/.complete" 2>/dev/null)" != "${wanted[*]}" ]; then
  rm -rf "$venv"
  "${PYTHON:-python3.11}" -m venv "$venv" >&2
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "${wanted[@]}" >&2
  "$venv/bin/python" -c 'import dask_kubernetes.operator' >&2
  echo "${wanted[*]}" >"$venv/.complete"
fi
echo "$venv/bin/python"
