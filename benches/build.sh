#!/usr/bin/env bash
# What the newcomer's command costs: a cold build of the first example, and the size of its program.
# Downloads are not counted. Needs python3. Prints rows; JSON lines go to the file named first.
set -euo pipefail
out=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
# Name, value, unit.
row() {
  printf '%-44s %12s\n' "$1" "$2 $3"
  python3 -c '
import json, sys
name, value, unit = sys.argv[1:]
print(json.dumps({"bench": "build", "row": name, "measured": float(value), "unit": unit, "must": None, "aim": None, "verdict": None}))
' "$1" "$2" "$3" >> "$out"
}
# Seconds that a cold build takes.
cold() {
  local begin=$EPOCHREALTIME
  CARGO_TARGET_DIR="$fresh/$1" cargo build --quiet --locked --example protected_api --features axum,issuer "${@:2}"
  python3 -c 'import sys; print(f"{float(sys.argv[2]) - float(sys.argv[1]):.1f}")' "$begin" "$EPOCHREALTIME"
}

: > "$out"
cargo fetch --quiet --locked
row "cold build of \`protected_api\`" "$(cold debug)" s
row "cold build of \`protected_api\`, release" "$(cold release --release)" s
cp "$fresh/release/release/examples/protected_api" "$fresh/program"
strip "$fresh/program"
row "\`protected_api\`, release, stripped" "$(python3 -c 'import os, sys; print(f"{os.path.getsize(sys.argv[1]) / 2**20:.1f}")' "$fresh/program")" MiB
