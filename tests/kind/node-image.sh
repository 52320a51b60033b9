#!/usr/bin/env bash
# kindest/node:local: what kind's published node image is, from Debian packages and the programs of programs.sh.
source "$(dirname "$0")/common.sh"
pick_engine
[ "$ENGINE" = own ] || exit 0
ROOT=$CACHE/node-root

key=$(cat "$0" "$HERE/runc-trimmed" "$HERE/pause.c" "$BIN"/.stamps/{hyper,etcd,coredns,kind} | sha256sum | cut -c1-16)
[ "$(docker image inspect -f '{{.Config.Labels.key}}' $NODE_IMAGE 2>/dev/null)" != "$key" ] || exit 0

debian() {
  local packages=systemd,systemd-sysv,dbus,containerd,runc,containernetworking-plugins,libseccomp2,pigz,iptables,nftables,ebtables
  packages+=,iproute2,ethtool,conntrack,socat,util-linux,mount,kmod,curl,jq,procps,hostname,gettext-base,rsync,ca-certificates
  debootstrap --variant=minbase --include=$packages bookworm "$ROOT.new"
  rm -rf "$ROOT" "$ROOT.new"/var/cache/apt/archives/*.deb "$ROOT.new"/usr/share/{doc,man,locale}
  mv "$ROOT.new" "$ROOT"
}

# The files kind adds to Debian are part of its Go module: entry point, units, containerd's settings.
kind_files() {
  local from
  from=$(go mod download -json "sigs.k8s.io/kind@$KIND" | jq -r .Dir)/images/base/files
  cp -r --no-preserve=mode,ownership "$from/." "$ROOT/"
  chmod 755 "$ROOT"/usr/local/bin/* "$ROOT"/kind/bin/*
}

# Of Debian's units only what kind wants is left; kind's own may not ask for what takes CAP_SYS_RESOURCE.
units() {
  local lib=$ROOT/lib/systemd/system etc=$ROOT/etc/systemd
  rm -f "$lib"/{multi-user,local-fs,basic}.target.wants/* "$lib"/sockets.target.wants/*{udev,initctl}* \
    "$lib/sysinit.target.wants/systemd-tmpfiles-setup.service" "$lib/containerd.service" "$etc"/system/*.wants/*
  sed -i -E '/^(Limit(NPROC|CORE|NOFILE)|OOMScoreAdjust)=/d' "$etc"/system/{containerd,kubelet}.service
  sed -i '/^ReadKMsg=/d' "$etc/journald.conf"
  echo ReadKMsg=no >>"$etc/journald.conf"
  chroot "$ROOT" systemctl -q enable kubelet containerd undo-mount-hacks
  chroot "$ROOT" systemctl -q mask systemd-binfmt
}

runtime() {
  local program
  for program in containerd ctr containerd-shim-runc-v2; do ln -sf "/usr/bin/$program" "$ROOT/usr/local/bin/$program"; done
  [ -e "$ROOT/usr/sbin/runc.real" ] || mv "$ROOT/usr/sbin/runc" "$ROOT/usr/sbin/runc.real"
  install -m 755 "$HERE/runc-trimmed" "$ROOT/usr/sbin/runc"
  mkdir -p "$ROOT"/{opt/cni/bin,etc/cni/net.d,etc/kubernetes/manifests}
  rm -f "$ROOT"/etc/cni/net.d/* # cluster.sh writes it: each node has a pod range of its own
  cp -a "$ROOT"/usr/lib/cni/{host-local,loopback,portmap,bridge} "$ROOT/opt/cni/bin/"
  chroot "$ROOT" ctr oci spec | jq '.hooks.createContainer += [{path: "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' \
    >"$ROOT/etc/containerd/cri-base.json"
  sed -i -E "s#(sandbox_image = ).*#\1\"$(image_name pause)\"#; s#(restrict_oom_score_adj = ).*#\1true#" "$ROOT/etc/containerd/config.toml"
}

kubernetes() {
  local name
  install -m 755 "$BIN/hyper" "$ROOT/usr/bin/hyper"
  for name in kubelet kubeadm kubectl; do ln -sf hyper "$ROOT/usr/bin/$name"; done
  echo -n "v$K8S" >"$ROOT/kind/version"
  mkdir -p "$ROOT/kind/manifests" # kind applies both; storage and network are not its business here
  for name in storage cni; do
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: no-%s, namespace: kube-system}\n' $name >"$ROOT/kind/manifests/default-$name.yaml"
  done
}

image_names() { kubeadm config images list --kubernetes-version "v$K8S" 2>/dev/null; }
image_name() { image_names | grep "/$1:"; }

# pack FOLDER NAME [ENTRYPOINT]: the folder as an image of that name; the folder goes.
pack() {
  tar -C "$1" -c . | docker import --change 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    ${3:+--change "ENTRYPOINT [\"$3\"]"} - "$2"
  rm -rf "$1"
}

# One image under four names for Kubernetes' own programs: the layer is stored and unpacked once per node.
control_plane_images() {
  local folder program library
  folder=$(mktemp -d)
  mkdir -p "$folder"/{usr/local/bin,usr/sbin,tmp}
  cp "$BIN/hyper" "$folder/usr/local/bin/"
  for program in kube-apiserver kube-controller-manager kube-scheduler kube-proxy; do ln -s hyper "$folder/usr/local/bin/$program"; done
  for program in nft conntrack; do # called by kube-proxy
    cp -L "$ROOT/usr/sbin/$program" "$folder/usr/sbin/"
    for library in $(chroot "$ROOT" ldd /usr/sbin/$program | grep -oE '/[^ ]+'); do
      install -D "$ROOT$library" "$folder$library"
    done
  done
  pack "$folder" hyper:local
  for program in kube-apiserver kube-controller-manager kube-scheduler kube-proxy; do docker tag hyper:local "$(image_name $program)"; done
}

# program_image NAME FILE [ENTRYPOINT]: an image that holds one static program.
program_image() {
  local folder
  folder=$(mktemp -d)
  install -D "$2" "$folder/usr/local/bin/$1"
  pack "$folder" "$(image_name "$1")" "${3:-}"
}

images() {
  control_plane_images
  program_image etcd "$BIN/etcd"
  program_image coredns "$BIN/coredns" /usr/local/bin/coredns
  cc -static -O2 -s -o "$CACHE/pause" "$HERE/pause.c"
  program_image pause "$CACHE/pause" /usr/local/bin/pause
}

# Not unpacked here: the layers of this container are an overlay, and overlays do not stack; the node unpacks them.
assemble() {
  local builder=kind-node-builder
  docker rm -fv $builder 2>/dev/null || true
  tar -C "$ROOT" -c . | docker import --change 'ENV container=docker' - kind-base:local
  docker run -d --privileged --name $builder kind-base:local sleep infinity
  docker exec -d $builder containerd
  for _ in $(seq 60); do
    docker exec $builder ctr version >/dev/null 2>&1 && break
    sleep 0.5
  done
  # shellcheck disable=SC2046 # one argument per image
  docker save $(image_names) | docker exec -i $builder ctr -n k8s.io images import --all-platforms --no-unpack --digests -
  docker exec $builder pkill containerd
  while docker exec $builder pgrep containerd >/dev/null; do sleep 0.2; done # its database is whole once it is gone
  docker commit --change 'ENTRYPOINT ["/usr/local/bin/entrypoint","/sbin/init"]' --change "LABEL key=$key" $builder $NODE_IMAGE
  docker rm -fv $builder
  # shellcheck disable=SC2046
  docker rmi $(image_names) hyper:local kind-base:local
  superseded
}

[ -d "$ROOT/usr" ] || quiet "node image: debian" debian
configure() { kind_files; units; runtime; kubernetes; }
quiet "node image: settings" configure
quiet "node image: images" images
quiet "node image: assembled" assemble
