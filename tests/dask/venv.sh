#!/usr/bin/env bash
# Makes (once) a virtual environment with one released version of Dask and prints its python's path.
#
# usage: venv.sh VERSION          e.g. venv.sh 2024.1.0
# It lands in ${XDG_CACHE_HOME:-~/.cache}/dask-operator/venvs/VERSION; runs at the same time are serialised.
set -euo pipefail

version=${1:?usage: venv.sh VERSION}
[[ $version =~ ^[0-9]{4}\.[0-9]{1,2}\.[0-9]{1,2}$ ]] || { echo "not a Dask version: $version" >&2; exit 2; }

# What this version was built against: newer pandas/numpy majors broke the older releases.
pins() {
    case $1 in
        2024.[1-5].*) echo "numpy<2 pandas<2.2 pyarrow<16 tornado<6.5" ;;
        2024.*) echo "numpy<2.3 pandas<2.3 pyarrow<20" ;;
        2025.*) echo "numpy<2.4 pandas<3 pyarrow<22" ;;
        *) echo "numpy pandas pyarrow bokeh" ;; # bokeh: the dashboard
    esac
}

root=${XDG_CACHE_HOME:-$HOME/.cache}/dask-operator/venvs
venv=$root/$version
marker=$venv/.complete
# A change of the recipe must not be answered by an environment of the old one.
recipe="$version $(pins "$version")"
mkdir -p "$root"

complete() { [[ -f $marker && $(<"$marker") == "$recipe" ]]; }

if ! complete; then
    exec 9>"$root/.$version.lock"
    flock 9
    if ! complete; then
        rm -rf "$venv"
        "${PYTHON:-python3.11}" -m venv "$venv" >&2
        read -ra wanted <<<"$(pins "$version")"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
            "distributed==$version" "dask[array,dataframe]==$version" "setuptools<81" "${wanted[@]}" >&2
        "$venv/bin/python" -c 'import dask.array, dask.dataframe, distributed' >&2
        echo "$recipe" >"$marker"
    fi
    exec 9>&-
fi
echo "$venv/bin/python"
