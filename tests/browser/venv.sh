#!/usr/bin/env bash
# Makes (once) a virtual environment with JupyterLab, a browser's remote control and Dask, and prints its python's path;
# installs the browser where there is none (Debian, Ubuntu; as root). Usage: venv.sh
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=$(<"$HERE/../dask/newest")

if ! command -v chromium >/dev/null; then
  "$HERE/../packages.sh" chromium fonts-dejavu-core >&2 || { echo "browser: no chromium: install one" >&2 && exit 1; }
fi
exec "$HERE/../venv.sh" "browser-$version" "jupyterlab, playwright, distributed" "distributed==$version" \
  "dask[array,dataframe]==$version" "dask-kubernetes==2026.3.0" bokeh jupyterlab ipywidgets playwright numpy pandas
