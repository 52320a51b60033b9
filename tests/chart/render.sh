#!/usr/bin/env bash
# Renders the chart in all its modes and checks what comes out. Usage: render.sh (helm from PATH, or HELM=/path/to/helm)
set -uo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
CHART=$HERE/../../charts/dask-operator
HELM=${HELM:-helm}
PASSED=0 FAILED=0 OUT='' STATUS=0

command -v "$HELM" >/dev/null || { echo "render.sh: no helm in PATH" >&2; exit 2; }

ok() { PASSED=$((PASSED + 1)); }
bad() {
  FAILED=$((FAILED + 1))
  echo "FAILED: $1"
  [ -z "${2:-}" ] || echo "$2" | head -40
}

# render ARGS...: the output goes to OUT, errors too.
render() {
  OUT=$("$HELM" template release "$CHART" --namespace ops "$@" 2>&1)
  STATUS=$?
}
renders() {
  local name=$1
  shift
  render "$@"
  if [ $STATUS -eq 0 ]; then ok; else bad "$name: does not render" "$OUT"; fi
}
# refuses NAME MESSAGE ARGS...: rendering fails and the output has MESSAGE, a pattern.
refuses() {
  local name=$1 message=$2
  shift 2
  render "$@"
  if [ $STATUS -ne 0 ] && grep -qE -- "$message" <<<"$OUT"; then ok; else bad "$name: not refused with '$message'" "$OUT"; fi
}
# has/hasnot NAME PATTERN: some line of OUT matches, or none does.
has() { if grep -qE -- "$2" <<<"$OUT"; then ok; else bad "$1: nothing matches '$2'"; fi; }
hasnot() {
  local lines
  if lines=$(grep -nE -- "$2" <<<"$OUT"); then bad "$1: something matches '$2'" "$lines"; else ok; fi
}
# equals NAME EXPECTED ACTUAL
equals() { if [ "$2" = "$3" ]; then ok; else bad "$1" "$(diff <(echo "$2") <(echo "$3"))"; fi; }
count() { grep -cE -- "$1" <<<"$OUT"; }
args() { sed -n '/^ *args:$/,/^ *\(env\|ports\):$/p' <<<"$OUT" | sed -n 's/^ *- //p' | grep -e '^--' | tr '\n' ' '; }
# The rules under `rules:` of the objects of kind $1, without blanks in front, each object's after `rules:`.
rules() {
  awk -v kind="kind: $1" '$0 == "---" {in_kind = in_rules = 0} $0 == kind {in_kind = 1} in_kind && /^rules:/ {in_rules = 1} in_rules' <<<"$OUT" |
    sed 's/^ *//'
}

COMMON='--http-address=0.0.0.0:8080 --log-format=json'
ELECTION='--leader-elect --lease-name=release-dask-operator'
AGENT='--agent-mode=full --agent-image=dask-operator:0.1.0 --agent-image-pull-policy=IfNotPresent'
NODES=--watch-nodes
MAXIMUM=--autoscaler-default-maximum=1000
ACCESS="--scheduler-access=auto --cluster-domain=cluster.local $MAXIMUM $AGENT $NODES $ELECTION"

lint() {
  local file
  for file in '' dask-kubernetes dask-kubernetes-defaults namespaced global; do
    if OUT=$("$HELM" lint --strict "$CHART" ${file:+-f "$HERE/values/$file.yaml"} 2>&1); then ok; else bad "lint ${file:-defaults}" "$OUT"; fi
  done
}

# no_more_rights NAME: nothing in the roles of OUT that an operator of Dask does not need.
no_more_rights() {
  local name=$1 all
  all=$(rules ClusterRole; rules Role)
  # Nodes are looked at, and nothing else is done with them.
  all=$(sed '/^resources: \[nodes\]$/{N;/\nverbs: \[list, watch\]$/d}' <<<"$all")
  if [ "$all" ]; then ok; else bad "$name: there are no rules"; fi
  if grep -nE "\*|secrets|configmaps|exec|attach|portforward|proxy|token|escalate|bind|impersonate|webhook|namespaces|nodes" <<<"$all"; then
    bad "$name: rights that are not needed"
  else
    ok
  fi
}

defaults() {
  renders defaults
  equals "defaults: args" "$COMMON --log-level=info $ACCESS --all-namespaces " "$(args)"
  has "defaults: image" '^ +image: "dask-operator:0\.1\.0"$'
  for line in 'type: RollingUpdate' 'maxUnavailable: 0' 'replicas: 1' 'path: /healthz' 'path: /readyz' 'containerPort: 8080' 'terminationGracePeriodSeconds: 15' \
    'runAsNonRoot: true' 'runAsUser: 65532' 'type: RuntimeDefault' 'allowPrivilegeEscalation: false' 'readOnlyRootFilesystem: true' \
    '- ALL' 'cpu: 10m' 'memory: 32Mi' 'memory: 128Mi'; do
    has "defaults" "^ +$line\$"
  done
  has "defaults: the account gives no token by itself" '^automountServiceAccountToken: false$'
  has "defaults: the pod has its token" '^ +automountServiceAccountToken: true$'
  hasnot "defaults: monitors" 'monitoring.coreos.com|^kind: Service$'
  hasnot "defaults: environment" '^ +env:|WORKER_ALLOCATION'
  no_more_rights "defaults"
  equals "defaults: no name of another release's" '' "$(awk '$0 == "---" {kind = ""} /^kind: ClusterRole/ {kind = $2} kind != "" && /^  name: / && !/-ops(-(nodes|view|edit))?$/' <<<"$OUT")"
  equals "defaults: bindings" 2 "$(count '^kind: ClusterRoleBinding$')"
  equals "defaults: one Role, for the Lease" 1 "$(count '^kind: Role$')"
  hasnot "defaults: one pod needs no budget" 'PodDisruptionBudget|podAntiAffinity'
  OPERATOR_RULES=$(rules ClusterRole | awk '/^rules:/ {n++} n == 1') # the users' roles come after it
}

user_roles() {
  renders "user roles" -s templates/userroles.yaml
  equals "user roles: two" 2 "$(count '^kind: ClusterRole$')"
  OUT=$(awk '/-edit$/ {edit = 1} edit' <<<"$OUT")
  has "edit may create" 'create, update, patch'
  hasnot "edit has no status" '/status'
  renders "no user roles" --set rbac.aggregate=false
  hasnot "no user roles" aggregate-to
  equals "no user roles: the operator's own" 2 "$(count '^kind: ClusterRole$')"
}

dask_kubernetes_values() {
  local access=${ACCESS/release-dask-operator/old-name}
  access=${access/dask-operator:0.1.0 --agent-image-pull-policy=IfNotPresent/registry.example.org\/team\/dask-operator:1.2.3 --agent-image-pull-policy=Always}
  renders "dask-kubernetes' values" -f "$HERE/values/dask-kubernetes.yaml"
  equals "dask-kubernetes' values: args" "$COMMON --verbose $access --all-namespaces " "$(args)"
  for line in 'image: "registry.example.org/team/dask-operator:1.2.3"' 'imagePullPolicy: Always' '- name: registry-key' 'name: old-name' \
    'app.kubernetes.io/name: "dask"' 'serviceAccountName: dask-account' 'example.org/role: dask' 'example.org/note: "yes"' 'fsGroup: 2000' \
    'runAsUser: 1000' 'memory: 256Mi' '- emptyDir: \{\}' '- mountPath: /scratch' '- name: HTTPS_PROXY' 'example.org/pool: system' \
    '- effect: NoSchedule' '- key: kubernetes.io/arch' 'priorityClassName: "important"' 'timeoutSeconds: 30' \
    'name: old-name-scheduler-servicemonitor' 'name: old-name-worker-podmonitor' 'namespace: "monitoring"' 'any: true' 'release: prometheus' \
    'interval: 20s' 'jobLabel: "dask.org/cluster-name"' '- dask.org/component' 'regex: scheduler-pod' \
    '- team-a' 'interval: 25s' 'jobLabel: "dask.org/workergroup-name"' '- example.org/team' 'regex: worker-pod' \
    'value: "10"' 'value: "2.5"'; do
    has "dask-kubernetes' values" "^ +($line)\$"
  done
  equals "both settings of workerAllocation" 2 "$(count 'name: DASK_KUBERNETES__CONTROLLER__WORKER_ALLOCATION__(BATCH_SIZE|DELAY)$')"
  renders "targetLabels of the podMonitor" -f "$HERE/values/dask-kubernetes.yaml" --set 'metrics.worker.podMonitor.targetLabels={old-label}'
  has "targetLabels of the podMonitor" '^    - old-label$'
  hasnot "targetLabels of the podMonitor" '^    - example.org/team$'
  renders "dask-kubernetes' defaults" -f "$HERE/values/dask-kubernetes-defaults.yaml"
  has "dask-kubernetes' defaults: still restricted" '^ +runAsUser: 65532$'
  refuses "dask-kubernetes' image" 'image.name is "ghcr.io/dask/dask-kubernetes-operator".*Remove image.name and image.tag' \
    -f "$HERE/values/pinned-image.yaml"
}

namespaced() {
  local wanted access=${ACCESS/$NODES /}
  renders namespaced -f "$HERE/values/namespaced.yaml"
  hasnot "namespaced: nothing cluster-wide" 'ClusterRole|--all-namespaces'
  equals "namespaced: args" "$COMMON --log-level=info $access --namespace=team-a --namespace=team-b " "$(args)"
  equals "namespaced: Roles" 3 "$(count '^kind: Role$')"
  equals "namespaced: RoleBindings" 3 "$(count '^kind: RoleBinding$')"
  for wanted in team-a team-b; do
    equals "namespaced: objects in $wanted" 2 "$(count "^  namespace: \"$wanted\"\$")"
  done
  no_more_rights "namespaced"
  equals "the Roles have the ClusterRole's rules" "$OPERATOR_RULES"$'\n'"$OPERATOR_RULES" "$(rules Role | awk '/^rules:/ {n++} n != 1')"
  renders "no right to read nodes" --set watchNodes=false
  hasnot "no right to read nodes" 'nodes'
  renders "namespaced, the release's own" --set rbac.cluster=false
  equals "namespaced, the release's own: args" "$COMMON --log-level=info $access --namespace=ops " "$(args)"
  hasnot "namespaced, the release's own" ClusterRole
  renders "namespaced, from kopfArgs" --set rbac.cluster=false --set 'kopfArgs={--namespace=one,-n,two,-n three,--debug}'
  equals "namespaced, from kopfArgs: args" "$COMMON --debug $access --namespace=one --namespace=two --namespace=three " "$(args)"
  equals "namespaced, from kopfArgs: Roles" 4 "$(count '^kind: Role$')"
  renders "rights from elsewhere" --set rbac.create=false
  hasnot "rights from elsewhere" 'Role'
}

replicas() {
  renders "two replicas" --set replicas=2
  for line in 'replicas: 2' 'maxUnavailable: 1' 'topologyKey: kubernetes.io/hostname'; do has "two replicas" "^ +$line\$"; done
  equals "two replicas: budget" 1 "$(count '^kind: PodDisruptionBudget$')"
  refuses "no replica" "replicas" --set replicas=0
}

agent() {
  renders "agent from elsewhere" --set agent.image=reg:5000/agent:2,agent.imagePullSecrets[0].name=a,agent.imagePullSecrets[1].name=b
  equals "agent from elsewhere: args" "$COMMON --log-level=info --scheduler-access=auto --cluster-domain=cluster.local --autoscaler-default-maximum=1000 --agent-mode=full \
--agent-image=reg:5000/agent:2 --agent-pull-secret=a --agent-pull-secret=b $NODES $ELECTION --all-namespaces " "$(args)"
  renders "an agent's policy" --set agent.image=reg:5000/agent:2,agent.imagePullPolicy=Never
  has "an agent's policy" '^ +- --agent-image-pull-policy=Never$'
  renders "no agent" --set agent.mode=Disabled
  has "no agent by default, and one where a worker asks" '^ +- --agent-mode=disabled$'
  has "no agent by default, and one where a worker asks" '^ +- --agent-image=dask-operator:0.1.0$'
  refuses "an agent's mode" "mode" --set agent.mode=Sometimes
  refuses "a typo in agent" "pullPolicy" --set agent.pullPolicy=Never
}

own_values() {
  renders "own values" --set logFormat=text,logLevel=debug,schedulerAccess=direct,clusterDomain=k8s.example --set 'namespaces={a}'
  equals "own values: args" "--http-address=0.0.0.0:8080 --log-format=text --log-level=debug --scheduler-access=direct \
--cluster-domain=k8s.example $MAXIMUM $AGENT $NODES $ELECTION --namespace=a " "$(args)"
  renders "global" -f "$HERE/values/global.yaml"
  renders "monitor of the operator" --set operatorMetrics.serviceMonitor.enabled=true
  equals "monitor of the operator" 1 "$(count '^kind: ServiceMonitor$')"
  equals "Service of the operator" 1 "$(count '^kind: Service$')"
  renders "no kopfArgs" --set kopfArgs=null
  equals "no kopfArgs: args" "$COMMON --log-level=info $ACCESS --all-namespaces " "$(args)"
}

refusals() {
  refuses "a typo" "schedulerAcess" -f "$HERE/values/typo.yaml"
  refuses "a typo inside" "clusterwide" --set rbac.clusterwide=true
  refuses "port-forward" "schedulerAccess|scheduler access" --set schedulerAccess=port-forward
  refuses "a log format" "logFormat" --set logFormat=xml
  refuses "a namespace's name" "namespaces" --set 'namespaces={Team_A}'
  refuses "a pattern of namespaces" "not the name of a namespace" --set 'kopfArgs={--namespace=team-*}'
  refuses "a flag without value" "needs a value" --set 'kopfArgs={--namespace}'
  refuses "a flag of kopf" 'kopfArgs has "--priority=1"' --set 'kopfArgs={--priority=1}'
}

crds() {
  OUT=$("$HELM" show crds "$CHART" 2>&1)
  equals "CRDs" 4 "$(count '^kind: "?CustomResourceDefinition"?$')"
}

lint
defaults
user_roles
dask_kubernetes_values
namespaced
replicas
agent
own_values
refusals
crds
echo "$PASSED passed, $FAILED failed"
[ "$FAILED" -eq 0 ]
