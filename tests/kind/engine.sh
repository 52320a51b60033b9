#!/usr/bin/env bash
# A Docker engine in a network namespace of its own: no route leaves it, so nothing a test does can reach beyond it.
source "$(dirname "$0")/common.sh"
pick_engine
[ "$ENGINE" = own ] || exit 0

packages() {
  local command package missing=()
  while read -r command package; do
    command -v "$command" >/dev/null || missing+=("$package")
  done <<'LIST'
dockerd docker.io
docker docker.io
containerd containerd
runc runc
ip iproute2
iptables iptables
nft nftables
conntrack conntrack
jq jq
debootstrap debootstrap
nsenter util-linux
pkill procps
cc gcc
LIST
  [ ${#missing[@]} = 0 ] && return
  quiet "packages installed" "$HERE/../packages.sh" "${missing[@]}" libc6-dev
}

start() {
  local containerd=$CACHE/docker-exec/containerd/containerd.pid
  rm -f "$CACHE/docker.pid" # of an engine that was killed
  runs "$containerd" containerd || rm -f "$containerd"
  setsid nsenter --net="/run/netns/$NETNS" dockerd --data-root "$CACHE/docker" --exec-root "$CACHE/docker-exec" \
    --pidfile "$CACHE/docker.pid" -H "$DOCKER_HOST" --add-runtime nores="$BIN/runc-nores" --default-runtime nores \
    >"$CACHE/log/dockerd.log" 2>&1 </dev/null 9>&- &
}

[ "$(id -u)" = 0 ] || die "no usable Docker engine was found, and to run one of our own takes root"
packages
install -m 755 "$HERE/runc-trimmed" "$BIN/runc-nores"
if ! inside true 2>/dev/null; then
  rm -f "/run/netns/$NETNS" # a file without a namespace, after a restart
  ip netns add "$NETNS"
  inside ip link set lo up
fi
started=
for _ in $(seq 120); do
  if docker info >/dev/null 2>&1; then
    [ -z "$started" ] || log "engine started"
    exit 0
  fi
  # asked each time: one that was killed a moment ago may still look alive
  [ -n "$started" ] || runs "$CACHE/docker.pid" dockerd || { start; started=yes; }
  sleep 0.5
done
tail -n 20 "$CACHE/log/dockerd.log" >&2
die "the engine does not answer"
