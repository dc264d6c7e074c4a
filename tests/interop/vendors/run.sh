#!/usr/bin/env bash
# The vendors' own verifiers (npm aws-jwt-verify, google-auth-library, @clerk/backend, firebase-admin) judge
# the tokens that the presets were tested with: each difference must be listed with its reason. Prints a
# table and ends with "N passed, M failed".
#
# Needs cargo, npm and Node 20 or newer. PROFILE: cargo profile of the test that writes the tokens (default
# dev). CARGO_TARGET_DIR is honoured.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../common.sh
source "$here/../common.sh"

# The test writes the tokens, and what is said of each here.
write_tokens() {
  local target
  target=$(cargo metadata --manifest-path "$root/Cargo.toml" --format-version 1 --no-deps |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p') || return
  tokens=$target/tmp/vendors.json
  rm -f "$tokens"
  cargo test --manifest-path "$root/Cargo.toml" --profile "${PROFILE:-dev}" \
    --workspace --all-features --test presets vendors >&2 && [[ -s $tokens ]]
}

install >&2 || could_not "npm did not install the vendors' packages"
write_tokens || could_not "the tokens were not written"

run_cases node --no-deprecation "$here/main.mjs" "$tokens"
