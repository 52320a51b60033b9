#!/usr/bin/env bash
# Makes (once) a virtual environment with one released version of Dask and prints its python's path.
# Usage: venv.sh VERSION [web], e.g. venv.sh 2024.1.0
# web: one of its own, with the dashboard, JupyterLab, and the proxy that a scheduler serves for workers' dashboards.
set -euo pipefail

version=${1:?usage: venv.sh VERSION}
[[ $version =~ ^[0-9]{4}\.[0-9]{1,2}\.[0-9]{1,2}$ ]] || { echo "not a Dask version: $version" >&2; exit 2; }

# What this version was built against: newer pandas/numpy majors broke the older releases.
case $version in
  2024.[1-5].*) pins=("numpy<2" "pandas<2.2" "pyarrow<16" "tornado<6.5") ;;
  2024.*) pins=("numpy<2.3" "pandas<2.3" "pyarrow<20") ;;
  2025.*) pins=("numpy<2.4" "pandas<3" "pyarrow<22") ;;
  *) pins=(numpy pandas pyarrow bokeh) ;; # bokeh: the dashboard
esac
case ${2:-} in
  web) pins+=(bokeh jupyterlab jupyter-server-proxy) ;;
  "") ;;
  *) echo "neither nothing nor web: $2" >&2; exit 2 ;;
esac
exec "$(dirname "${BASH_SOURCE[0]}")/../venv.sh" "$version${2:+-$2}" "dask.array, dask.dataframe, distributed" \
  "distributed==$version" "dask[array,dataframe]==$version" "setuptools<81" "${pins[@]}"
