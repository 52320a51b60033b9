#!/usr/bin/env bash
# Makes (once) a virtual environment and prints its python's path. Usage: venv.sh NAME MODULES REQUIREMENT...
# MODULES: what must be importable in it, e.g. "numpy, pandas". It lands in ${XDG_CACHE_HOME:-~/.cache}/dask-operator/venvs/NAME;
# made anew when the requirements change or the folder is removed; runs at the same time are serialised.
set -euo pipefail

name=${1:?usage: venv.sh NAME MODULES REQUIREMENT...}
modules=$2
shift 2
root=${XDG_CACHE_HOME:-$HOME/.cache}/dask-operator/venvs
venv=$root/$name
mkdir -p "$root"

exec 9>"$root/.$name.lock"
flock 9
if [ "$(cat "$venv/.complete" 2>/dev/null)" != "$*" ]; then
  rm -rf "$venv"
  "${PYTHON:-python3.11}" -m venv "$venv" >&2
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "$@" >&2
  "$venv/bin/python" -c "import $modules" >&2
  echo "$*" >"$venv/.complete"
fi
echo "$venv/bin/python"
