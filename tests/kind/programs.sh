#!/usr/bin/env bash
# Kubernetes, etcd, CoreDNS, kind, kwok and helm, built from their Go modules into $CACHE/bin; a changed version builds anew.
source "$(dirname "$0")/common.sh"
export GOFLAGS=-mod=mod CGO_ENABLED=0
command -v go >/dev/null || die "go is needed to build the cluster's programs"

# stale NAME KEY: whether the program of that name is missing or was built from something else.
stale() { [ ! -x "$BIN/$1" ] || [ "$(cat "$BIN/.stamps/$1" 2>/dev/null)" != "$2" ]; }

# build NAME KEY PACKAGE [LDFLAGS]: builds in the current directory, whose go.mod is complete but for what tidy adds.
build() {
  quiet "go tidy $1" go mod tidy
  quiet "go build $1" go build -trimpath -ldflags "-s -w ${4:-}" -o "$BIN/.$1.new" "$3"
  mv "$BIN/.$1.new" "$BIN/$1"
  mkdir -p "$BIN/.stamps"
  echo "$2" >"$BIN/.stamps/$1"
}

# enter NAME: an empty module of ours to build that program in.
enter() {
  rm -rf "$CACHE/src/$1"
  mkdir -p "$CACHE/src/$1"
  cd "$CACHE/src/$1"
}

# tool NAME MODULE VERSION PACKAGE. Not `go install`: it refuses modules with replace directives.
tool() {
  stale "$1" "$3" || return 0
  enter "$1"
  printf 'module tools/%s\n' "$1" >go.mod
  printf '//go:build tools\n\npackage tools\n\nimport _ "%s"\n' "$4" >tools.go
  quiet "go get $1" go get "$2@$3"
  build "$1" "$3" "$4"
}

# ours_key NAME VERSION: what a program whose main.go is in this folder was built from.
ours_key() { echo "$2 $(sha256sum <"$HERE/$1/main.go" | cut -c1-16)"; }

hyper() {
  local key gomod version=k8s.io/component-base/version
  key=$(ours_key hyper "$K8S")
  if stale hyper "$key"; then
    enter hyper
    cp "$HERE/hyper/main.go" .
    gomod=$(go mod download -json "k8s.io/kubernetes@v$K8S" | jq -r .GoMod)
    # Its parts are published as modules v0.x of their own; the main module only knows them as folders.
    {
      printf 'module tools/hyper\n\ngo 1.24\n\nrequire k8s.io/kubernetes v%s\n\n' "$K8S"
      sed -nE "s#^\s+(k8s.io/\S+) => ./staging/.*#replace \1 => \1 v0.${K8S#1.}#p" "$gomod"
    } >go.mod
    build hyper "$key" . "-X $version.gitVersion=v$K8S -X $version.gitMajor=1 -X $version.gitMinor=$(cut -d. -f2 <<<"$K8S")"
  fi
  for name in kubectl kubeadm; do ln -sf hyper "$BIN/$name"; done
}

coredns() {
  local key
  key=$(ours_key coredns "$COREDNS")
  stale coredns "$key" || return 0
  enter coredns
  cp "$HERE/coredns/main.go" .
  printf 'module tools/coredns\n' >go.mod
  quiet "go get coredns" go get "github.com/coredns/coredns@$COREDNS"
  build coredns "$key" .
}

hyper
tool etcd go.etcd.io/etcd/server/v3 $ETCD go.etcd.io/etcd/server/v3
tool kind sigs.k8s.io/kind $KIND sigs.k8s.io/kind
tool kwok sigs.k8s.io/kwok $KWOK sigs.k8s.io/kwok/cmd/kwok
tool helm helm.sh/helm/v3 $HELM helm.sh/helm/v3/cmd/helm
coredns
