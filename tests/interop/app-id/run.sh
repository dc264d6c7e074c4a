#!/usr/bin/env bash
# The vendor's Node.js SDK for IBM Cloud App ID (npm ibmcloud-appid) and the running axum example, on
# the same tokens and keys: every answer is compared. Prints a table and ends with "N passed, M failed".
#
# Needs cargo and npm. PROFILE: cargo profile of the example (default dev). CARGO_TARGET_DIR is honoured.
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

install >&2 || could_not "npm did not install the SDK"
protected_api=$(build --example protected_api --features axum,issuer) || could_not "the example does not build"
[[ -x $protected_api ]] || could_not "cargo named no executable"

# The SDK logs to the table's standard output unless told otherwise.
export LOG4JS_CONFIG=$here/log4js.json

# A process group of its own, so that nothing outlives this script however it ends.
set -m
node "$here/main.mjs" "$protected_api" &
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
