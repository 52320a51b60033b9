#!/usr/bin/env bash
# Makes (once) a virtual environment with JupyterLab, a browser's remote control and Dask, and prints its python's path;
# installs the browser where there is none (Debian, Ubuntu; as root). Usage: venv.sh
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=$(<"$HERE/../dask/newest")
root=${XDG_CACHE_HOME:-$HOME/.cache}/dask-operator/venvs
venv=$root/browser-$version
wanted=("distributed==$version" "dask[array,dataframe]==$version" "dask-kubernetes==2026.3.0" bokeh jupyterlab ipywidgets playwright numpy pandas)
mkdir -p "$root"

if ! command -v chromium >/dev/null; then
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >&2 ||
    { echo "browser: no chromium: install one" >&2 && exit 1; }
fi
exec 9>"$root/.browser-$version.lock"
flock 9
if [ "$(cat "$venv/.complete" 2>/dev/null)" != "${wanted[*]}" ]; then
  rm -rf "$venv"
  "${PYTHON:-python3.11}" -m venv "$venv" >&2
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "${wanted[@]}" >&2
  "$venv/bin/python" -c 'import jupyterlab, playwright, distributed' >&2
  echo "${wanted[*]}" >"$venv/.complete"
fi
echo "$venv/bin/python"
