# shellcheck shell=bash
# Sourced: builds static programs, as in the operator's image. Needs `kind/common.sh`.
STATIC_TARGET=x86_64-unknown-linux-musl

# static_build [image]: builds the operator and its agent, as the end-to-end tests run them; as `image` the way that benchmarks
# run them, and their bare client. They are in $(static_folder [image]).
static_build() {
  local build=(-p dask-operator --bin dask-operator -p dask-agent --bin dask-agent)
  case "${1:-e2e}" in
    e2e) build+=(--config "$REPO/tests/cargo.toml") ;;
    *) build+=(-p dask-operator-tests --bin bare_client) ;;
  esac
  ! command -v rustup >/dev/null || rustup target list --installed | grep -qx $STATIC_TARGET || rustup target add $STATIC_TARGET
  command -v musl-gcc >/dev/null || "$REPO/tests/packages.sh" musl-tools
  cd "$REPO" && CC_x86_64_unknown_linux_musl=musl-gcc cargo build --locked --profile "${1:-e2e}" --jobs "${JOBS:-2}" \
    --target $STATIC_TARGET "${build[@]}"
}

static_folder() { echo "${CARGO_TARGET_DIR:-$REPO/target}/$STATIC_TARGET/${1:-e2e}"; }
