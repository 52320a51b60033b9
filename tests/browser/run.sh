#!/usr/bin/env bash
# The demo and JupyterLab in a headless browser, on a cluster of processes. Usage: run.sh [FOLDER]
# FOLDER: where the pictures go (`make pictures` gives docs/pictures); else they are only made and looked at.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$HERE/../.."
python=$("$HERE/venv.sh")
source "$HERE/../built.sh"
laptop=$(laptop_built)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for test in notebook dashboard; do
  "$laptop" --python "$python" --dir "$dir/cluster" -- "$python" "$HERE/$test.py" "$dir/pictures"
done
if [ -n "${1:-}" ]; then
  mkdir -p "$1"
  cp "$dir"/pictures/{dashboard,timeline,notebook}.png "$1/"
fi
