#!/usr/bin/env bash
# Deliberate bugs (tests/mutants/*.patch), one at a time in a copy of this checkout: does the simulation catch each?
# Usage: mutants.sh [PART-OF-A-NAME...]. A patch's first line says what the bug is; a second line "# tests: ARGS" names the
# cheaper tests that must catch it (`cargo test ARGS`) in place of the simulation. Prints a table; fails if one lives.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
COPY=$(mktemp -d)
trap 'rm -rf "$COPY"' EXIT
export CARGO_TARGET_DIR=${MUTANTS_TARGET_DIR:-$HOME/.cache/dask-operator/mutants} RUST_BACKTRACE=0 CARGO_TERM_COLOR=never
git -C "$HERE/.." archive --format=tar HEAD | tar -x -C "$COPY"
cd "$COPY"
git init -q && git add -A && git -c user.name=mutants -c user.email=mutants@localhost commit -qm "as it is"

# suite TEST: whether it passes; the cheap ones first, the first that fails is enough.
# What is built anew for each patch is optimised less: most are caught in small worlds, within seconds.
build=(--config tests/cargo.toml --config 'profile.dev.package.dask-operator.opt-level=0' --config 'profile.dev.debug=0')
run_tests() {
  cargo test -q --locked "${build[@]}" --jobs "${JOBS:-2}" "$@" >"$COPY/.log" 2>&1
}

lived=0
printf '%-32s %-12s %s\n' patch "caught by" bug
[ $# != 0 ] || set -- ""
patches=()
for part in "$@"; do
  patches+=("$HERE"/mutants/*"$part"*.patch)
done
for patch in "${patches[@]}"; do
  git apply "$patch"
  caught=
  read -ra named < <(sed -n 's/^# tests: //p' "$patch") || true # there may be no such line
  if [ ${#named[@]} -gt 0 ]; then
    run_tests "${named[@]}" || caught="its tests"
    # A filter that no test has any more would let every bug live.
    grep -qE '^running [1-9]|could not compile' .log || { caught="no test" && lived=$((lived + 1)); }
  else
    for test in small each_write scenarios; do
      run_tests -p dask-operator-simulation --test "$test" || { caught=$test && break; }
    done
  fi
  if ! [ -s .log ] || grep -q 'could not compile' .log; then
    caught="no build" && lived=$((lived + 1))
  fi
  [ -n "$caught" ] || lived=$((lived + 1))
  printf '%-32s %-12s %s\n' "$(basename "$patch" .patch)" "${caught:-LIVES}" "$(head -n 1 "$patch" | sed 's/^# //')"
  git checkout -q -- .
done
[ "$lived" -eq 0 ] || { echo "$lived lived, or did not build" >&2 && exit 1; }
