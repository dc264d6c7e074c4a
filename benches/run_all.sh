#!/usr/bin/env bash
# Runs every bench and writes BENCHMARKS.md and its charts from what they found. About half an hour on
# an idle machine; nothing else should run. Ends with 1 when a must is missed, after all was written.
#
# Usage: run_all.sh [--smoke]: each thing for a moment, to see that it works; only allocations and memory are judged,
# and what is written goes to the target directory.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# One build directory for the crates with a workspace of their own too.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
results=$CARGO_TARGET_DIR/bench
out=$PWD
profile=bench
smoke=()
if [[ ${1:-} == --smoke ]]; then
  smoke=(--smoke)
  profile=dev
  out=$results/report
fi
mkdir -p "$results"
rm -f "$results"/*.jsonl

missed=()
judge() {
  printf '\n=== %s\n' "$1"
  "${@:2}" || missed+=("$1")
}
# Name of the results, then what cargo is told: the features that are measured. A smoke run takes the
# build that the tests have made, which has them all.
bench() {
  local told=("${@:2}")
  [[ ${#smoke[@]} == 0 ]] || told=("${@:2:2}" --workspace --all-features)
  cargo bench --quiet --profile "$profile" "${told[@]}" -- "${smoke[@]}" --json "$results/$1.jsonl"
}

judge budget bench budget --bench budget
# Its smoke run counts allocations only.
if [[ ${#smoke[@]} != 0 ]] || command -v valgrind > /dev/null; then
  judge instructions bench instructions --bench instructions
fi
judge scale bench scale --bench scale
judge mcp bench mcp --bench mcp --features issuer,mcp
judge load bench load --bench load --features axum,issuer
judge "load, gRPC" bench load-grpc --bench grpc_load --package grpc-example
judge peers benches/peers/run.sh "${smoke[@]}"
judge stores cargo run --quiet --profile "${profile/bench/release}" --manifest-path benches/peers/Cargo.toml \
  --features stores --bin stores -- --json "$results/stores.jsonl" "${smoke[@]}"
if command -v valgrind > /dev/null; then judge "instructions of peers" benches/peers/count.sh "${smoke[@]}"; fi
if [[ ${#smoke[@]} == 0 ]]; then judge build benches/build.sh "$results/build.jsonl"; fi

printf '\n=== report\n'
python3 -B benches/report/report.py "$results" "$out"
if [[ ${#missed[@]} != 0 ]]; then
  printf 'over budget or failed: %s\n' "${missed[*]}"
  exit 1
fi
