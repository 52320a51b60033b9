#!/usr/bin/env bash
# A Kubernetes without machines: etcd, API server, controllers, scheduler and kwok as plain processes, on loopback only.
# Usage: control-plane.sh up|down DIR. To be run in a network namespace of its own; all it writes is in DIR:
# USER.kubeconfig for each user (all of them may do anything), audit.log, log/, and pids/.
source "$(dirname "$0")/../kind/common.sh" # sets HERE to kind's folder
BENCH=$(cd "$HERE/../bench" && pwd)
VERB=${1:-} DIR=${2:?usage: control-plane.sh up|down DIR}
SERVER=127.0.0.1:26443 ETCD_CLIENT=http://127.0.0.1:26379 ETCD_PEER=http://127.0.0.1:26380
USERS=(admin observer ours bare dask-kubernetes kube-controller-manager kube-scheduler kwok)
NODES=20
# No client of the API server but a contestant is to wait for a limit of its own.
FAST=(--kube-api-qps=5000 --kube-api-burst=5000)

# start NAME ARGS...: its output and its number go to files.
start() {
  "$DIR/bin/$1" "${@:2}" >"$DIR/log/$1" 2>&1 </dev/null &
  echo $! >"$DIR/pids/$1"
}

alive() { kill -0 "$(cat "$1")" 2>/dev/null; }

# until_true NAME COMMAND...: waits for it, and says what the program NAME said if it ends or takes a minute.
until_true() {
  local name=$1 until=$((SECONDS + 60))
  shift
  until "$@" >/dev/null 2>&1; do
    if ! alive "$DIR/pids/$name" || [ $SECONDS -ge $until ]; then
      tail -n 20 "$DIR/log/$name" >&2
      die "$name does not get ready"
    fi
    sleep 0.2
  done
}

admin() { "$DIR/bin/kubectl" --kubeconfig "$DIR/admin.kubeconfig" "$@"; }

certificates() {
  cd "$DIR"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=bench-ca -keyout ca.key -out ca.crt
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=kube-apiserver -keyout server.key -out server.csr
  openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out server.crt \
    -extfile <(printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n')
  openssl genrsa -out accounts.key 2048
  openssl rsa -in accounts.key -pubout -out accounts.pub
}

identities() {
  local user token
  for user in "${USERS[@]}"; do
    token=$(openssl rand -hex 16)
    printf '%s,%s,%s,system:masters\n' "$token" "$user" "$user" >>"$DIR/tokens.csv"
    cat >"$DIR/$user.kubeconfig" <<EOF
apiVersion: v1
kind: Config
current-context: bench
contexts: [{name: bench, context: {cluster: bench, user: $user}}]
clusters: [{name: bench, cluster: {server: "https://$SERVER", certificate-authority: $DIR/ca.crt}}]
users: [{name: $user, user: {token: $token}}]
EOF
  done
}

nodes() {
  for i in $(seq $NODES); do
    printf '{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "fake-%s"}}\n' "$i"
  done | admin create -f -
}

up() {
  mkdir -p "$DIR/bin" "$DIR/log" "$DIR/pids"
  for name in kube-apiserver kube-controller-manager kube-scheduler kubectl; do ln -sf "$BIN/hyper" "$DIR/bin/$name"; done
  ln -sf "$BIN/etcd" "$BIN/kwok" "$DIR/bin/"
  quiet "bench certificates" certificates
  identities
  # Without waiting for a disk: its speed is not what is measured.
  start etcd --data-dir "$DIR/etcd" --unsafe-no-fsync --quota-backend-bytes $((4 << 30)) \
    --listen-client-urls $ETCD_CLIENT --advertise-client-urls $ETCD_CLIENT --listen-peer-urls $ETCD_PEER \
    --initial-advertise-peer-urls $ETCD_PEER --initial-cluster default=$ETCD_PEER
  start kube-apiserver --etcd-servers $ETCD_CLIENT --bind-address 127.0.0.1 --secure-port "${SERVER#*:}" \
    --advertise-address 127.0.0.1 --endpoint-reconciler-type none --service-cluster-ip-range 10.96.0.0/16 \
    --tls-cert-file "$DIR/server.crt" --tls-private-key-file "$DIR/server.key" --token-auth-file "$DIR/tokens.csv" \
    --authorization-mode RBAC --service-account-issuer https://bench --service-account-key-file "$DIR/accounts.pub" \
    --service-account-signing-key-file "$DIR/accounts.key" --delete-collection-workers 16 \
    --audit-policy-file "$BENCH/audit.yaml" --audit-log-path "$DIR/audit.log" --audit-log-maxsize 100000
  until_true kube-apiserver admin get --raw /readyz
  start kube-controller-manager --kubeconfig "$DIR/kube-controller-manager.kubeconfig" "${FAST[@]}" --leader-elect=false \
    --bind-address 127.0.0.1 --secure-port 26257 --cert-dir "$DIR/log" --service-account-private-key-file "$DIR/accounts.key" \
    --root-ca-file "$DIR/ca.crt" --concurrent-gc-syncs 50
  start kube-scheduler --kubeconfig "$DIR/kube-scheduler.kubeconfig" "${FAST[@]}" --leader-elect=false \
    --bind-address 127.0.0.1 --secure-port 26259 --cert-dir "$DIR/log"
  start kwok --kubeconfig "$DIR/kwok.kubeconfig" --config "$BENCH/kwok.yaml" --manage-all-nodes --cidr 10.64.0.1/14 \
    --node-lease-duration-seconds 40 --v WARN
  quiet "bench nodes" nodes
  until_true kwok admin wait --for=condition=Ready nodes --all --timeout=20s
  until_true kube-controller-manager admin get serviceaccount default
  log "control plane is up"
}

down() {
  local file until=$((SECONDS + 10))
  for file in "$DIR"/pids/*; do kill "$(cat "$file")" 2>/dev/null || true; done
  for file in "$DIR"/pids/*; do
    while alive "$file"; do
      [ $SECONDS -lt $until ] || kill -9 "$(cat "$file")" 2>/dev/null || true
      sleep 0.1
    done
  done
}

case $VERB in up | down) "$VERB" ;; *) die "usage: control-plane.sh up|down DIR" ;; esac
