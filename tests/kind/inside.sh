#!/usr/bin/env bash
# Runs a command where a cluster of up.sh can be reached: inside.sh NAME COMMAND...
# Its network, KUBECONFIG and PATH are set; pod and Service addresses work from there, and so do the names of Services.
source "$(dirname "$0")/common.sh"
[ $# -ge 2 ] || die "usage: inside.sh NAME COMMAND..."
STATE=$CACHE/clusters/$1
shift
[ -r "$STATE/env" ] || die "there is no such cluster yet: run up.sh"
# shellcheck source=/dev/null
source "$STATE/env"
export KUBECONFIG PATH
if [ -n "$DOCKER_HOST" ]; then export DOCKER_HOST; else unset DOCKER_HOST; fi
[ -n "$NETNS" ] || exec "$@"
# shellcheck disable=SC2016 # expanded by the inner shell
exec nsenter --net="/run/netns/$NETNS" unshare --mount sh -c 'mount --bind "$0" /etc/resolv.conf && exec "$@"' "$STATE/resolv.conf" "$@"
