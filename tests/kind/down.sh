#!/usr/bin/env bash
# Removes a cluster, and with the last one the engine and its namespace; with --all every cluster, and the cache.
# Usage: down.sh NAME [--all].
source "$(dirname "$0")/common.sh"
NAME=${1:?usage: down.sh NAME [--all]}
pick_engine
if [ "$ENGINE" = existing ]; then # it is not ours; only forgotten
  rm -rf "$CACHE/clusters/$NAME"
  exit 0
fi
lock clusters

if ! docker info >/dev/null 2>&1; then
  log "no engine runs, so no cluster does"
  rm -rf "$CACHE/clusters/$NAME"
else
  "$HERE/cluster.sh" down "$NAME"
fi
if [ "${2:-}" = --all ] && docker info >/dev/null 2>&1; then
  for other in $(clusters); do "$HERE/cluster.sh" down "$other"; done
fi
[ "$ENGINE" = own ] || exit 0
if docker info >/dev/null 2>&1 && [ -n "$(clusters)" ]; then
  log "the engine stays for: $(clusters | tr '\n' ' ')"
  exit 0
fi
if runs "$CACHE/docker.pid" dockerd; then
  pid=$(cat "$CACHE/docker.pid")
  kill "$pid"
  for _ in $(seq 120); do
    runs "$CACHE/docker.pid" dockerd || break
    sleep 0.5
  done
  ! runs "$CACHE/docker.pid" dockerd || die "the engine (process $pid) does not end"
fi
[ ! -e "/run/netns/$NETNS" ] || ip netns delete "$NETNS"
log "engine and network namespace removed"
[ "${2:-}" = --all ] || exit 0
umount "$CACHE/docker" 2>/dev/null || true # the engine mounts its folder onto itself
rm -rf "$CACHE"
log "cache removed"
