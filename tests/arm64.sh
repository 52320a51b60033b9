#!/usr/bin/env bash
# Builds the agent for arm64 and lets it look after real workers, with QEMU as its processor: install, drain, leave.
# Needs root: the kernel is told how to run such programs (binfmt_misc), for as long as this runs. Usage: arm64.sh
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TARGET=aarch64-unknown-linux-musl
QEMU=/usr/bin/qemu-aarch64-static
BINFMT=/proc/sys/fs/binfmt_misc
cd "$HERE/.."

rustup target list --installed | grep -qx $TARGET || rustup target add $TARGET
CC=aarch64-linux-gnu-gcc
missing=()
[ -x $QEMU ] || missing+=(qemu-user-static)
command -v $CC >/dev/null || missing+=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
[ ${#missing[@]} = 0 ] || "$HERE/packages.sh" "${missing[@]}"
[ -e $BINFMT/register ] || mount -t binfmt_misc binfmt_misc $BINFMT
if [ ! -e $BINFMT/qemu-aarch64 ]; then
  # An ELF file of 64 bits, little endian, for machine 0xb7; F: QEMU is opened now.
  printf '%s' ':qemu-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:'$QEMU':F' >$BINFMT/register
  trap 'echo -1 >$BINFMT/qemu-aarch64' EXIT
fi

# Rust's own linker and start files; the C in it (ring's) takes nothing of a C library.
CC_aarch64_unknown_linux_musl=$CC CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=rust-lld \
  cargo build --locked --profile image --target $TARGET -p dask-agent --jobs "${JOBS:-2}"
DASK_AGENT=${CARGO_TARGET_DIR:-$PWD/target}/$TARGET/image/dask-agent
file=$(od -An -tx1 -j18 -N2 "$DASK_AGENT" | tr -d ' ')
[ "$file" = b700 ] || { echo "not a program for arm64: $DASK_AGENT" >&2; exit 1; }
[ "$(stat -c %s "$DASK_AGENT")" -lt 6000000 ] || { echo "not under 6 MB: $DASK_AGENT" >&2; exit 1; }
export DASK_AGENT
cargo test --config tests/cargo.toml --locked -p dask-agent --jobs "${JOBS:-2}" --test command --test leaving
