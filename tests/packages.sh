#!/usr/bin/env bash
# Installs Debian's packages. Usage: packages.sh PACKAGE... One call waits for another: of two apt-get at once one fails.
set -euo pipefail
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/dask-operator
mkdir -p "$CACHE"
exec 9>"$CACHE/packages.lock"
flock 9
apt-get update -qq 9>&-
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" 9>&-
