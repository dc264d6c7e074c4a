#!/usr/bin/env bash
# Our layer beside the other Tower layers, a program each, and beside two libraries of Node, all on
# the same tokens. Prints the rows of the budget; every number goes to $CARGO_TARGET_DIR/bench, a
# JSON object a line. Ends with 1 when a must is missed twice in a row.
#
# Usage: run.sh [--smoke]: each thing once, in debug builds, to see that it works.
# Needs cargo, a C compiler, the headers of OpenSSL (for aliri's ES256) and npm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

target=${CARGO_TARGET_DIR:-$PWD/target}
results=$target/bench
peers=(jwt-authorizer tower-oauth2-aws-lc-rs tower-oauth2-default axum-jwt-auth aliri)
profile=release
smoke=()
if [[ ${1:-} == --smoke ]]; then
  profile=dev
  smoke=(--smoke)
fi
mkdir -p "$results"

# Cargo gives every program the same name, whichever peer is in it.
build() {
  cargo build --quiet --profile "$profile" --target-dir "$target" "${@:2}"
  cp "$target/${profile/dev/debug}/peers" "$results/$1"
}

build peers
for peer in "${peers[@]}"; do
  build "peers-$peer" --features "$peer"
done
[[ node/node_modules/.package-lock.json -nt node/package-lock.json ]] ||
  npm ci --prefix node --ignore-scripts --no-audit --no-fund --silent

"$results/peers" tokens "$results/tokens.json"

# A failure ends it, also where the caller would go on.
measure() {
  local files=()
  for peer in "${peers[@]}"; do
    files+=("$results/peers-$peer.jsonl")
    "$results/peers-$peer" measure --tokens "$results/tokens.json" --json "${files[-1]}" "${smoke[@]}" ||
      return 2
  done
  "$results/peers" judge --json "$results/peers.jsonl" "${smoke[@]}" "${files[@]}"
}

# Another process may have been in the way the first time; the second run counts.
status=0
measure || status=$?
if [[ $status == 1 ]]; then
  echo "once more"
  status=0
  measure || status=$?
fi
node node/measure.mjs "$results/tokens.json" "$results/node.jsonl" "${smoke[@]}"
exit "$status"
