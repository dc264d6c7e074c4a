#!/usr/bin/env bash
# The real web client of Layer (npm layer-websdk) against the running example layer_sessions. Prints a
# line for each step and ends with "N passed, M failed".
#
# Needs cargo, npm and node. PROFILE: cargo profile of the example (default dev). CARGO_TARGET_DIR is
# honoured.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)

# Reached only when something before the steps fails: then nothing could be checked.
could_not() {
  echo "could not check: $1" >&2
  echo "0 passed, 1 failed"
  exit 1
}

# Versions and hashes are those of the lockfile; no package runs a script of its own here.
install() {
  [[ $here/node_modules/.package-lock.json -nt $here/package-lock.json ]] ||
    npm ci --prefix "$here" --ignore-scripts --no-audit --no-fund
}

# Builds with cargo and prints the path of the executable, wherever the target directory is.
build() {
  cargo build --manifest-path "$root/Cargo.toml" --profile "${PROFILE:-dev}" \
    --message-format json-render-diagnostics --example layer_sessions --features axum,issuer |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1
}

node=$(command -v node) || could_not "there is no node"
install >&2 || could_not "npm did not install the client"
layer_sessions=$(build) || could_not "the example does not build"
[[ -x $layer_sessions ]] || could_not "cargo named no executable"

# A process group of its own, so that nothing outlives this script however it ends.
set -m
"$node" "$here/cases.mjs" "$layer_sessions" &
cases=$!
trap 'kill -KILL -- "-$cases" 2>/dev/null || true' EXIT
trap 'kill -TERM "$cases" 2>/dev/null || true' INT TERM HUP
status=0
wait "$cases" || status=$?
while kill -0 "$cases" 2>/dev/null; do # a signal only interrupts the wait
  status=0
  wait "$cases" || status=$?
done
exit "$status"
