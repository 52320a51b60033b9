#!/usr/bin/env bash
# All tests of the workspace that need no cluster. Those of real processes mostly wait: they run beside the others, which compute.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
TEST=(cargo test --workspace --jobs "${JOBS:-2}")
# They start Dask's schedulers and workers, or pods that are processes.
PROCESSES=(habits leaving lifecycle nanny real_scheduler)

"${TEST[@]}" --no-run
# Cargo has no way to say "all but these".
all=$(cargo metadata --no-deps --format-version 1 | grep -o '"kind":\["test"\],"crate_types":\["bin"\],"name":"[^"]*"' | cut -d '"' -f 12 | sort -u)
mapfile -t others < <(grep -vxF "$(printf '%s\n' "${PROCESSES[@]}")" <<<"$all")
log=$(mktemp)
set -m # in a process group of its own, which ends with this script
"${TEST[@]}" "${PROCESSES[@]/#/--test=}" >"$log" 2>&1 &
processes=$!
set +m
trap 'kill -- -$processes 2>/dev/null; rm -f "$log"' EXIT
status=0
nice "${TEST[@]}" --lib --bins "${others[@]/#/--test=}" || status=$?
wait $processes || status=$?
cat "$log"
exit $status
