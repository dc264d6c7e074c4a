#!/usr/bin/env bash
# Real tokens of a certified OpenID Provider (npm oidc-provider) against the running axum and tonic
# examples. Prints a table of cases and ends with "N passed, M failed".
#
# Usage: run.sh [CASES]: the module with the cases, cases.mjs unless told otherwise.
# Needs cargo and npm. PROFILE: cargo profile of the examples (default dev). CARGO_TARGET_DIR is honoured.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)

# Reached only when something before the cases fails: then nothing could be checked.
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

# The Node that runs the provider is a package too: its platform half carries the program.
find_node() {
  local candidate
  for candidate in "$here"/node_modules/node-*/bin/node; do
    [[ -x $candidate ]] && echo "$candidate" && return
  done
  # On a platform without such a package: the machine's own, if it is new enough for the provider.
  node -e 'process.exit(parseInt(process.versions.node) >= 22 ? 0 : 1)' && command -v node
}

# Builds with cargo and prints the path of the executable, wherever the target directory is.
build() {
  cargo build --manifest-path "$root/$1" --profile "${PROFILE:-dev}" \
    --message-format json-render-diagnostics "${@:2}" |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1
}

install >&2 || could_not "npm did not install the provider"
node=$(find_node) || could_not "no Node for this platform"
protected_api=$(build Cargo.toml --example protected_api --features axum,issuer) ||
  could_not "the axum example does not build"
grpc=$(build examples/grpc/Cargo.toml --bin grpc) || could_not "the tonic example does not build"
[[ -x $protected_api && -x $grpc ]] || could_not "cargo named no executable"

# A process group of its own, so that nothing outlives this script however it ends.
set -m
"$node" "$here/${1:-cases.mjs}" "$protected_api" "$grpc" &
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
