#!/usr/bin/env bash
# Counts the instructions of one good RS256 request with callgrind: the difference between a run with
# many and a run with few. Uses the programs that run.sh built; needs valgrind and python3.
#
# Usage: count.sh [--smoke]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

results=${CARGO_TARGET_DIR:-$PWD/target}/bench
few=20 many=120
if [[ ${1:-} == --smoke ]]; then few=1 many=3; fi

# Instructions of a program that sends so many requests.
count() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$results/$1" repeat \
    --tokens "$results/tokens.json" --candidate "$2" "$3" 2>&1 |
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

# A line: name, program, candidate.
line() {
  local a b
  a=$(count "$2" "$3" $few)
  b=$(count "$2" "$3" $many)
  python3 -c '
import json, sys
name, few, a, many, b = sys.argv[1], *map(int, sys.argv[2:])
each = (b - a) / (many - few)
print(f"{name:<44} {each:>12.0f}", file=sys.stderr)
print(json.dumps({"bench": "peers-instructions", "row": name, "measured": each, "unit": "", "must": None, "aim": None, "verdict": None}))
' "$1" $few "$a" $many "$b"
}

{
  for candidate in raw bare ours "ours, cached"; do
    line "$candidate" peers-aliri "$candidate"
  done
  line "aliri_tower 0.6" peers-aliri peer
  line "jwt-authorizer 0.15" peers-jwt-authorizer peer
  line "tower-oauth2-resource-server 0.12, aws-lc-rs" peers-tower-oauth2-aws-lc-rs peer
  line "tower-oauth2-resource-server 0.12, default" peers-tower-oauth2-default peer
  line "axum-jwt-auth 0.7" peers-axum-jwt-auth peer
} > "$results/peers-instructions.jsonl"
