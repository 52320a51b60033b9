#!/usr/bin/env bash
# The main job on this machine alone: pods are processes. Then it stays up until Ctrl-C. Usage: demo.sh [--once]
# Needs Linux, Rust, and Python 3.10 or newer (PYTHON: which one). DEMO_LAPTOP: the program, where it is built already.
set -euo pipefail
DEMO=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$DEMO/../.." && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/dask-operator
say() { echo "demo: $*" >&2; }
die() { say "$*"; exit 1; }

[ "$(uname)" = Linux ] || die "pods need addresses of their own in 127.0.0.0/8, which only Linux has; use make demo-kind"
command -v cargo >/dev/null || die "no cargo: install Rust (rustup), and open a new terminal"

# usable PYTHON: a Python that Dask runs on, and that makes virtual environments.
usable() { "$1" -c 'import sys, venv, ensurepip; assert sys.version_info >= (3, 10)' 2>/dev/null; }
for PYTHON in ${PYTHON:-python3.11 python3.12 python3.13 python3.10 python3}; do
  ! usable "$PYTHON" || break
done
usable "$PYTHON" || die "no Python 3.10 or newer with venv: install one (Debian, Ubuntu: apt install python3-venv), or set PYTHON"
version=$(<"$ROOT/tests/dask/newest")
# Installed while the programs are compiled: both take their time, once.
[ -e "$CACHE/venvs/$version" ] || say "installs Dask $version into $CACHE/venvs meanwhile (once, about a minute)"
PYTHON=$PYTHON "$ROOT/tests/dask/venv.sh" "$version" >/dev/null &
installs=$!

# Compiled for a short start: most of the first run's time goes here. Both programs at once: alone, what both are made of
# would be compiled twice.
programs=(--locked --profile demo --manifest-path "$ROOT/Cargo.toml"
  -p dask-operator-laptop -p dask-agent --bin laptop --bin dask-agent)
laptop=${DEMO_LAPTOP:-}
if [ -z "$laptop" ]; then
  say "compiles the operator, the agent and the cluster of processes (the first time 2 to 3 minutes on two cores, later seconds)"
  built=$(cargo build "${programs[@]}" --message-format json-render-diagnostics) ||
    die "the programs could not be compiled (cargo says why above)"
  # Where cargo put it, which is a matter of its settings.
  laptop=$(grep -o '"executable":"[^"]*/laptop"' <<<"$built" | cut -d '"' -f 4)
fi
[ -z "$(jobs -r)" ] || say "waits for Dask's installation"
wait $installs || die "Dask could not be installed (pip says why above): check the network, or set pip's index and proxy"
python=$("$ROOT/tests/dask/venv.sh" "$version")
say "starts the cluster"
mkdir -p "$CACHE"
exec "$laptop" --python "$python" -- "$python" "$DEMO/story.py" "$@"
