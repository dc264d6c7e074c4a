#!/usr/bin/env bash
# The vendors' own verifiers (npm aws-jwt-verify, google-auth-library, @clerk/backend, firebase-admin; crate spiffe) judge
# the tokens that the presets were tested with, and the presets judge those that moto (PyPI) writes: each difference must be
# listed with its reason. Prints a table and ends with "N passed, M failed".
#
# Needs cargo, npm, Node 20 or newer, and Python 3.10 or newer with venv. PROFILE: cargo profile of the programs
# (default dev). CARGO_TARGET_DIR is honoured.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../common.sh
source "$here/../common.sh"

# The test writes the tokens, and what is said of each here, and of those of moto.
write_tokens() {
  local target python
  python=$(install_python "$here") || return
  target=$(cargo metadata --manifest-path "$root/Cargo.toml" --format-version 1 --no-deps |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p') || return
  tokens=$target/tmp/vendors.json
  rm -f "$tokens"
  mkdir -p "$target/tmp" && "$python" "$here/moto_tokens.py" 1700000000 >"$target/tmp/moto.json" || return
  MOTO_TOKENS=$target/tmp/moto.json cargo test --manifest-path "$root/Cargo.toml" --profile "${PROFILE:-dev}" \
    --workspace --all-features --test presets vendors >&2 && [[ -s $tokens ]]
}

install >&2 || could_not "npm did not install the vendors' packages"
write_tokens || could_not "the tokens were not written"

spiffe=$(build tests/interop/vendors/spiffe/Cargo.toml) || could_not "the verifier of spiffe does not build"
[[ -x $spiffe ]] || could_not "cargo named no executable"

run_cases node --no-deprecation "$here/main.mjs" "$tokens" "$spiffe"
