#!/usr/bin/env bash
# The vendor's own token validation (npm bms-mca-token-validation-strategy) and our axum example under
# --profile mobile-client-access, on one key server: each case is put to both, and the answers are
# compared. Prints a table and ends with "N passed, M failed".
#
# Needs cargo, npm and the Node that comes with it. PROFILE: cargo profile of the example (default
# dev). CARGO_TARGET_DIR is honoured.
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

# Builds with cargo and prints the path of the executable, wherever the target directory is.
build() {
  cargo build --manifest-path "$root/Cargo.toml" --profile "${PROFILE:-dev}" \
    --message-format json-render-diagnostics "$@" |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1
}

install >&2 || could_not "npm did not install the vendor's package"
protected_api=$(build --example protected_api --features axum,issuer) || could_not "the axum example does not build"
[[ -x $protected_api ]] || could_not "cargo named no executable"

# A process group of its own, so that nothing outlives this script however it ends.
set -m
node --no-deprecation "$here/run.mjs" "$protected_api" &
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
