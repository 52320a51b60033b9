#!/usr/bin/env bash
# The test image dask-test:VERSION, loaded into the nodes. Usage: dask-image.sh [VERSION] [CLUSTER]
# Its packages are those of tests/dask/venv.sh, for the same minor of Python: what a client pickles, the workers can read.
source "$(dirname "$0")/common.sh"
VERSION=${1:-$DASK}
IMAGE=dask-test:$VERSION
pick_engine
[ "$ENGINE" != existing ] || exit 0
lock images

venv_python=$(PYTHON=python3.11 "$HERE/../dask/venv.sh" "$VERSION") # 3.11 is what Debian bookworm has
frozen=$("$venv_python" -m pip freeze)
key=$(sha256sum <<<"$(cat "$0") $frozen" | cut -c1-16)
WORK=$CACHE/images/dask-$VERSION
ROOT=$WORK/root
PYTHON_ROOT=$CACHE/images/python-3.11.tar
SITE=usr/local/lib/python3.11/dist-packages
REQUIREMENTS=("distributed==$VERSION" "dask[array,dataframe]==$VERSION" pyarrow bokeh)

# The same for every version of Dask, so kept.
debian() {
  local root=$CACHE/images/python
  rm -rf "$root"
  mkdir -p "$root"
  debootstrap --variant=minbase --include=python3 bookworm "$root"
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,info,locale} "$root"/var/log/*.log
  ln -s python3 "$root/usr/bin/python"
  chroot "$root" python3 -m compileall -q -j 2 /usr/lib/python3.11
  tar -C "$root" -cf "$PYTHON_ROOT.new" .
  mv "$PYTHON_ROOT.new" "$PYTHON_ROOT"
  rm -rf "$root"
}

packages() {
  rm -rf "$WORK"
  mkdir -p "$ROOT"
  tar -C "$ROOT" -xf "$PYTHON_ROOT"
  echo "$frozen" >"$WORK/constraints.txt"
  "$venv_python" -m pip install --quiet --no-input --only-binary=:all: --no-compile --root-user-action=ignore \
    --target "$ROOT/$SITE" -c "$WORK/constraints.txt" "${REQUIREMENTS[@]}"
  # Programs' first lines name the interpreter that pip ran under.
  sed -i "1s|^#!.*|#!/usr/bin/python3|" "$ROOT/$SITE"/bin/*
  cp -r "$ROOT/$SITE"/bin/. "$ROOT/usr/local/bin/"
  rm -rf "${ROOT:?}/$SITE/bin"
  find "$ROOT/$SITE" -depth -path "*/tests" -type d ! -path '*/distributed/*' ! -path '*/dask/*' ! -path '*/numpy/*' -exec rm -r {} +
  rm -rf "$ROOT/$SITE"/pyarrow/{include,src}
}

# Manifests call these two; releases of late have only `dask scheduler` and `dask worker`.
shims() {
  local name
  for name in scheduler worker; do
    [ -e "$ROOT/usr/local/bin/dask-$name" ] || printf '#!/bin/sh\nexec dask %s "$@"\n' $name >"$ROOT/usr/local/bin/dask-$name"
  done
  chmod 755 "$ROOT"/usr/local/bin/*
}

assemble() {
  shims
  chroot "$ROOT" python3 -m compileall -q -j 2 "/$SITE" || true # some packages hold files for other Pythons
  install -d -o 1000 -g 1000 "$ROOT/home/dask"
  echo 'dask:x:1000:1000::/home/dask:/bin/sh' >>"$ROOT/etc/passwd"
  # `env --`: runs what the pod gives as args, which is what the published image's entry point does in the end
  tar -C "$ROOT" -c . | docker import --change 'ENTRYPOINT ["/usr/bin/env","--"]' --change 'CMD ["dask","--version"]' \
    --change 'USER 1000:1000' --change 'WORKDIR /home/dask' --change 'ENV HOME=/home/dask' --change 'ENV PYTHONUNBUFFERED=1' \
    --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin' --change "LABEL key=$key" - "$IMAGE"
  rm -rf "$WORK"
  superseded
}

# Where images can be pulled, python's own is the base.
pulled() {
  docker build -q --label "key=$key" -t "$IMAGE" - <<DOCKERFILE
FROM python:3.11-slim-bookworm
RUN echo '$(base64 -w0 <<<"$frozen")' | base64 -d >/constraints.txt && pip install --no-cache-dir -c /constraints.txt ${REQUIREMENTS[*]@Q}
RUN cd /usr/local/bin && for n in scheduler worker; do test -e dask-\$n || printf '#!/bin/sh\nexec dask %s "\$@"\n' \$n >dask-\$n; done && chmod 755 dask-*
RUN useradd -u 1000 -m dask
USER 1000:1000
WORKDIR /home/dask
ENTRYPOINT ["/usr/bin/env", "--"]
CMD ["dask", "--version"]
DOCKERFILE
}

if [ "$(docker image inspect -f '{{.Config.Labels.key}}' "$IMAGE" 2>/dev/null)" != "$key" ]; then
  if [ "$ENGINE" = public ]; then
    quiet "$IMAGE built" pulled
  else
    [ -e "$PYTHON_ROOT" ] || quiet "debian with python" debian
    quiet "$IMAGE: packages" packages
    quiet "$IMAGE: assembled" assemble
  fi
fi
"$HERE/load.sh" "$IMAGE" ${2:+"$2"}

# The same with an entry point that is a variable's text: for what people's own images do with their arguments.
[ "$VERSION" = "$(<"$HERE/../dask/newest")" ] || exit 0
ENTRY_POINT=dask-entry-point:1
with_entry_point() {
  local container
  container=$(docker create "$IMAGE")
  docker commit --change 'ENTRYPOINT ["sh","-c","eval \"$ENTRY_POINT\"","entry-point"]' --change "LABEL key=$key" \
    "$container" "$ENTRY_POINT"
  docker rm "$container"
}
[ "$(docker image inspect -f '{{.Config.Labels.key}}' "$ENTRY_POINT" 2>/dev/null)" = "$key" ] ||
  quiet "$ENTRY_POINT made" with_entry_point
"$HERE/load.sh" "$ENTRY_POINT" ${2:+"$2"}
