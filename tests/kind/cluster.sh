#!/usr/bin/env bash
# A kind cluster of a control plane and a worker. Usage: cluster.sh up|down|status|audit NAME; `up` prints the kubeconfig's path.
source "$(dirname "$0")/common.sh"
pick_engine
[ $# = 2 ] || die "usage: cluster.sh up|down|status|audit NAME"
NAME=$2
STATE=$CACHE/clusters/$NAME
AUDIT_LOG=/var/log/kubernetes/audit.log # in the control plane's node
[ "$ENGINE" != existing ] || die "USE_EXISTING_CLUSTER=1: that cluster is not ours to change"
export KUBECONFIG=$STATE/kubeconfig

kube() { inside kubectl --request-timeout=10s "$@"; }

# Clusters share the engine's network, so each gets a number, and pod and service ranges by it.
number() {
  local taken
  taken=$(cat "$CACHE"/clusters/*/number 2>/dev/null || true)
  for n in 0 1 2 3 4 5 6 7; do
    grep -qx "$n" <<<"$taken" || { echo "$n"; return; }
  done
  die "8 clusters are enough"
}

config() { # POD_RANGES SERVICE_RANGES
  cat <<YAML
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {ipFamily: dual, podSubnet: "$1", serviceSubnet: "$2", disableDefaultCNI: $([ "$ENGINE" = own ] && echo true || echo false), kubeProxyMode: nftables}
$([ "$ENGINE" != own ] || echo 'featureGates: {KubeletInUserNamespace: true}')
nodes:
  - role: control-plane
    extraMounts: [{hostPath: $HERE/audit, containerPath: /kind/audit, readOnly: true}]
    kubeadmConfigPatches:
      - |
        kind: ClusterConfiguration
        apiServer:
          extraArgs: {audit-policy-file: /kind/audit/policy.yaml, audit-log-path: $AUDIT_LOG, audit-log-maxsize: "200", audit-log-maxbackup: "1"}
          extraVolumes:
            - {name: audit-policy, hostPath: /kind/audit, mountPath: /kind/audit, readOnly: true, pathType: Directory}
            - {name: audit-log, hostPath: $(dirname $AUDIT_LOG), mountPath: $(dirname $AUDIT_LOG), pathType: DirectoryOrCreate}
  - role: worker
YAML
}

# NODE and its ADDRESS and POD_RANGE, by IPv4 and by IPv6, a line each.
node_list() {
  kube get nodes -o jsonpath='{range .items[*]}{.metadata.name} {.status.addresses[?(@.type=="InternalIP")].address} {.spec.podCIDRs[0]} {.spec.podCIDRs[1]}{"\n"}{end}'
}

# The network of pods: a bridge on each node. Pod addresses are never masqueraded: every node, and we, have routes to them.
bridge() { # POD_RANGE POD_RANGE_6
  jq -n --arg range "$1" --arg range6 "$2" '{cniVersion: "0.4.0", name: "bridge", plugins: [
    {type: "bridge", bridge: "cni0", isGateway: true, hairpinMode: true,
     ipam: {type: "host-local", ranges: [[{subnet: $range}], [{subnet: $range6}]], routes: [{dst: "0.0.0.0/0"}, {dst: "::/0"}]}},
    {type: "portmap", capabilities: {portMappings: true}}]}'
}

network() {
  local node range range6 file=/etc/cni/net.d/10-bridge.conflist
  kube wait --for=jsonpath='{.spec.podCIDR}' --timeout=60s nodes --all
  node_list | while read -r node _ _ range range6; do
    bridge "$range" "$range6" | docker exec -i "$node" sh -c "cat >$file.new && mv $file.new $file"
  done
}

# Lost when a node or the namespace starts anew, so set each time. Service addresses are handled by any node's kube-proxy.
routes() {
  local list node address address6 range range6 other services services6
  list=$(node_list)
  while read -r node address address6 range range6; do
    while read -r other _; do
      [ "$other" = "$node" ] || docker exec "$other" sh -c "ip route replace $range via $address && ip route replace $range6 via $address6"
    done <<<"$list"
    inside ip route replace "$range" via "$address"
    inside ip route replace "$range6" via "$address6"
  done <<<"$list"
  read -r _ address address6 _ <<<"$list"
  IFS=, read -r services services6 <"$STATE/services"
  inside ip route replace "$services" via "$address"
  inside ip route replace "$services6" via "$address6"
}

create() {
  local n
  mkdir -p "$STATE"
  n=$(number)
  echo "10.$((96 + n)).0.0/16,fd00:10:$((96 + n))::/112" >"$STATE/services"
  config "10.$((244 + n)).0.0/16,fd00:10:$((244 + n))::/56" "$(cat "$STATE/services")" >"$STATE/kind.yaml"
  inside kind create cluster --name "$NAME" --kubeconfig "$KUBECONFIG" --config "$STATE/kind.yaml" \
    --image "$([ "$ENGINE" = own ] && echo $NODE_IMAGE || echo $PUBLIC_NODE_IMAGE)"
  [ "$ENGINE" != own ] || network
  kube wait --for=condition=Ready --timeout=120s nodes --all
  kube -n kube-system wait --for=condition=Available --timeout=120s deployment coredns
  echo "$n" >"$STATE/number"
}

# Up, of the present node image, and answering; one that was left half made has no number.
healthy() {
  local image node
  [ -s "$STATE/number" ] && [ "$(nodes "$NAME" | wc -l)" = 2 ] || return 1
  if [ "$ENGINE" = own ]; then
    image=$(docker image inspect -f '{{.Id}}' $NODE_IMAGE)
    for node in $(nodes "$NAME"); do
      [ "$(docker inspect -f '{{.Image}}' "$node")" = "$image" ] || return 1
    done
  fi
  kube get --raw /readyz && kube wait --for=condition=Ready --timeout=15s nodes --all
} >/dev/null 2>&1

remove() {
  inside kind delete cluster --name "$NAME"
  rm -rf "$STATE"
}

up() {
  if healthy; then
    log "cluster $NAME answers"
  else
    quiet "cluster $NAME removed" remove # whatever is left of it
    quiet "cluster $NAME created" create
  fi
  [ "$(id -u)" != 0 ] || routes # without root only the nodes reach pods
  # resolv.conf: with it programs in the namespace find Services by name
  printf 'nameserver %s\nsearch default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n' \
    "$(kube -n kube-system get service kube-dns -o jsonpath='{.spec.clusterIP}')" >"$STATE/resolv.conf"
  echo "$KUBECONFIG"
}

case $1 in
  up) up ;;
  down) quiet "cluster $NAME removed" remove ;;
  status) if healthy; then echo "$NAME: up, audit log in $NAME-control-plane:$AUDIT_LOG"; else echo "$NAME: down"; exit 1; fi ;;
  audit) docker exec "$NAME-control-plane" cat "$AUDIT_LOG" ;;
  *) die "unknown: $1" ;;
esac
