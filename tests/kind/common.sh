# shellcheck shell=bash disable=SC2034 # what is set here is read by the scripts that source it
# Sourced by the other scripts: versions, where things are kept, which cluster is used, and how steps are reported.
set -Eeuo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${KIND_CACHE:-$HOME/.cache/dask-operator-kind}
BIN=$CACHE/bin

# Versions that were seen to work together. 1.34 is the newest Kubernetes that takes cgroup v1 without being told to.
K8S=1.34.4 ETCD=v3.6.16 COREDNS=v1.14.3 KIND=v0.30.0 KWOK=v0.7.0 HELM=v3.19.5 DASK=${E2E_DASK:-$(<"$HERE/../dask/newest")}
NODE_IMAGE=kindest/node:local
PUBLIC_NODE_IMAGE=kindest/node:v1.34.0 # kind's own default at that version of kind

mkdir -p "$BIN" "$CACHE/clusters" "$CACHE/log"
export PATH=$BIN:$PATH
on_error() { trap 'die "${BASH_SOURCE[0]##*/} line $LINENO: $BASH_COMMAND"' ERR; }
on_error

log() { printf '%(%H:%M:%S)T %4ds  %s\n' -1 "$SECONDS" "$*" >&2; }
die() { trap - ERR; printf '%(%H:%M:%S)T error: %s\n' -1 "$*" >&2; exit 1; }

# quiet WHAT COMMAND...: reports one line; the output goes to a file, whose end is shown if the command fails.
quiet() {
  local what=$1 out=$CACHE/log/${1//[ :]/-}.log start=$SECONDS failed
  shift
  trap - ERR
  set +e # not `if`: within a condition the command would go on after its own errors
  (set -e; "$@") >"$out" 2>&1 </dev/null
  failed=$?
  set -e
  on_error
  if [ $failed != 0 ]; then
    tail -n 20 "$out" >&2
    die "$what (all of it: $out)"
  fi
  log "$what ($((SECONDS - start)) s)"
}

# Where the cluster comes from: `existing` (the caller's KUBECONFIG), `public` (the Docker engine at hand and kind's
# published node image) or `own` (an engine in its own network namespace, and a node image built here).
pick_engine() {
  local own=unix://$CACHE/docker.sock
  NETNS=
  if [ "${USE_EXISTING_CLUSTER:-}" = 1 ]; then
    ENGINE=existing
  elif [ "${DOCKER_HOST:-}" != "$own" ] && docker info >/dev/null 2>&1 \
    && { docker image inspect $PUBLIC_NODE_IMAGE || docker pull -q $PUBLIC_NODE_IMAGE; } >/dev/null 2>&1; then
    ENGINE=public
  else
    ENGINE=own NETNS=${KIND_NETNS:-dask-e2e} DOCKER_HOST=$own
    export DOCKER_HOST
  fi
}

# Runs a command on the engine's network. nsenter, because `ip netns exec` hides the cgroup mounts.
inside() {
  if [ -n "$NETNS" ]; then nsenter --net="/run/netns/$NETNS" "$@"; else "$@"; fi
}

# lock NAME: until this script ends, no other one that asks for the same lock goes on. Held on descriptor 9.
lock() {
  exec 9>"$CACHE/$1.lock"
  flock 9
}

# Images that a newer one has taken the name of; only in an engine that is ours.
superseded() { [ "$ENGINE" != own ] || docker image prune -f; }

# runs PIDFILE NAME: whether the process of that file is that program. Numbers are used again after a restart, and what was
# killed may stay as a zombie, which has no command line.
runs() { { tr '\0' ' ' <"/proc/$(cat "$1" || echo none)/cmdline" | grep -q "$2 "; } 2>/dev/null; }

nodes() { docker ps --filter "label=io.x-k8s.kind.cluster=$1" --format '{{.Names}}'; }
clusters() { find "$CACHE/clusters" -mindepth 1 -maxdepth 1 -type d -printf '%f\n'; }
