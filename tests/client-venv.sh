#!/usr/bin/env bash
# Makes (once) a virtual environment with the newest published dask-kubernetes client and prints its python's path.
# Usage: client-venv.sh DASK_VERSION
# Beside those of dask/venv.sh; made anew when the version or this recipe changes, or the folder is removed.
set -euo pipefail

version=${1:?usage: client-venv.sh DASK_VERSION}
[[ $version =~ ^[0-9]{4}\.[0-9]{1,2}\.[0-9]{1,2}$ ]] || { echo "not a Dask version: $version" >&2; exit 2; }
root=${XDG_CACHE_HOME:-$HOME/.cache}/dask-operator/venvs
venv=$root/kubernetes-$version
# The client's own dependencies decide the rest; of Dask it must be what the image has.
wanted=(dask-kubernetes "distributed==$version" "dask==$version" numpy pandas)
mkdir -p "$root"

exec 9>"$root/.kubernetes-$version.lock"
flock 9
if [ "$(cat "$venv/.complete" 2>/dev/null)" != "${wanted[*]}" ]; then
  rm -rf "$venv"
  "${PYTHON:-python3.11}" -m venv "$venv" >&2
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "${wanted[@]}" >&2
  "$venv/bin/python" -c 'import dask_kubernetes.operator' >&2
  echo "${wanted[*]}" >"$venv/.complete"
fi
echo "$venv/bin/python"
