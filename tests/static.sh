# shellcheck shell=bash
# Sourced: builds static programs, as in the operator's image. Needs `kind/common.sh`.
STATIC_TARGET=x86_64-unknown-linux-musl

# static_build: builds the operator, its agent and the benchmarks' bare client; they are in $(static_folder). One selection for
# all that needs one of them: of another one cargo would compile nearly all crates again (see built.sh).
static_build() {
  ! command -v rustup >/dev/null || rustup target list --installed | grep -qx $STATIC_TARGET || rustup target add $STATIC_TARGET
  command -v musl-gcc >/dev/null || "$REPO/tests/packages.sh" musl-tools
  cd "$REPO" && CC_x86_64_unknown_linux_musl=musl-gcc cargo build --locked --profile image --jobs "${JOBS:-2}" --target $STATIC_TARGET \
    -p dask-operator -p dask-agent -p dask-operator-tests --bin dask-operator --bin dask-agent --bin bare_client
}

static_folder() { echo "${CARGO_TARGET_DIR:-$REPO/target}/$STATIC_TARGET/image"; }
