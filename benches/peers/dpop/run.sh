#!/usr/bin/env bash
# Proofs of DPoP (RFC 9449) to several resource servers: ours, huskarl-resource-server as it comes and with a store for
# used proofs, and validateJwtAccessToken of oauth4webapi. All judge the same requests, those of tests/interop/dpop and
# further ones; then each takes its time for good proofs on a token that it has seen, in a process of its own, all in
# turn in each round, beside the check of an ES256 signature alone. Prints how many rows each has right, each
# difference with its reason, and the medians; every number goes to $CARGO_TARGET_DIR/bench/peers-dpop.jsonl, a JSON
# object a line. Ends with 1 when a row is not right with us.
#
# Usage: run.sh [--smoke]: one round, in debug builds.
# Needs cargo, a C compiler and npm.
set -euo pipefail

dpop=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Its packages and its Node are those of the suite that it shares the requests with.
here=$dpop/../../../tests/interop/dpop
# shellcheck source=../../../tests/interop/common.sh
source "$here/../common.sh"

results=${CARGO_TARGET_DIR:-$dpop/target}/bench
work=$results/peers-dpop
PROFILE=release
proofs=2000
rounds=11
if [[ ${1:-} == --smoke ]]; then
  PROFILE=dev
  proofs=20
  rounds=1
fi
mkdir -p "$work"

install >&2 || could_not "npm did not install the packages"
node=$(find_node) || could_not "no Node for this platform"
ours=$(build benches/peers/dpop/Cargo.toml --features ours --bin dpop-ours)
huskarl=$(build benches/peers/dpop/Cargo.toml --features huskarl --bin dpop-huskarl)
[[ -x $ours && -x $huskarl ]] || could_not "a judge does not build"

# A judge, then what it is asked.
ask() {
  case $1 in
    ours | raw) "$ours" "$1" "$2" "$work/table.json" ;;
    huskarl | huskarl-store) "$huskarl" "$1" "$2" "$work/table.json" ;;
    oauth4webapi) "$node" "$dpop/judge.mjs" "$2" "$work/table.json" ;;
  esac
}

"$node" "$dpop/rows.mjs" "$proofs" > "$work/table.json"
judges=(ours huskarl huskarl-store oauth4webapi)
for judge in "${judges[@]}"; do
  ask "$judge" verdicts > "$work/$judge.json"
done
for ((round = 0; round < rounds; round++)); do
  for judge in raw "${judges[@]}"; do
    echo "$judge $(ask "$judge" time)"
  done
done > "$work/times"
"$node" "$dpop/compare.mjs" "$work" "$results/peers-dpop.jsonl"
