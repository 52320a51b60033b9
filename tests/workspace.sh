#!/usr/bin/env bash
# All tests of the workspace that need no cluster. Those of real processes wait now and then: the others compute beside them.
# As `workspace.sh beside PROGRAM ARGS...` it runs a program of tests for cargo, unless that runs beside the others.
set -euo pipefail
# They start Dask's schedulers and workers, or pods that are processes.
PROCESSES=(habits leaving lifecycle nanny real_scheduler)
if [ "${1:-}" = beside ]; then
  name=$(basename "$2")
  [[ " ${PROCESSES[*]} " != *" ${name%-*} "* ]] || exit 0
  exec "${@:2}"
fi
self=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/workspace.sh
cd "$(dirname "$self")/.."
TEST=(cargo test --config tests/cargo.toml --workspace --jobs "${JOBS:-2}")
ALL=(--tests) # and those in libraries and programs; no examples: clippy sees that they compile

"${TEST[@]}" "${ALL[@]}" --no-run
log=$(mktemp)
set -m # in a process group of its own, which ends with this script
"${TEST[@]}" "${PROCESSES[@]/#/--test=}" >"$log" 2>&1 &
processes=$!
set +m
trap 'kill -- -$processes 2>/dev/null || true; rm -f "$log"' EXIT
status=0
# Cargo has no way to say "all but these": what is not run by name, it would build for a test all the same.
nice "${TEST[@]}" "${ALL[@]}" --config "target.'cfg(all())'.runner = ['$self', 'beside']" || status=$?
wait $processes || status=$?
cat "$log"
exit $status
