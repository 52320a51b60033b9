# shellcheck shell=bash
# Sourced: programs of the tests as `cargo test --workspace` builds them. Of another selection of packages cargo would compile
# nearly all of them again, because it gives crates the features that the selected packages ask for.

# The end-to-end tests: with --no-run it builds them, and what `laptop` runs.
E2E_TESTS=(cargo test --config "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/cargo.toml" --quiet --locked --workspace --jobs "${JOBS:-2}" --test e2e)
# Built with `lifecycle`, which starts it; and beside it, with `command`, the agent.
laptop_built() {
  "${E2E_TESTS[@]}" --test lifecycle --test command --no-run >&2 || return
  echo "${CARGO_TARGET_DIR:-$PWD/target}/debug/laptop"
}
