#!/usr/bin/env bash
# Every challenge that the crate can emit, read by the parsers of real clients, in JavaScript (npm), Python
# (PyPI) and Rust: each must find what is there, and nothing else. Ends with "N passed, M failed".
#
# Needs cargo, npm, Node 20 or newer and Python 3.10 or newer with venv. PROFILE: cargo profile of the test
# that writes the challenges (default dev). CARGO_TARGET_DIR is honoured.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../common.sh
source "$here/../common.sh"

# The test writes what was sent, and checks it by the grammar.
write_challenges() {
  local target
  target=$(cargo metadata --manifest-path "$root/Cargo.toml" --format-version 1 --no-deps |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p') || return
  challenges=$target/tmp/challenges.json
  rm -f "$challenges"
  cargo test --manifest-path "$root/Cargo.toml" --profile "${PROFILE:-dev}" \
    --workspace --all-features --test challenges >&2 && [[ -s $challenges ]]
}

install >&2 || could_not "npm did not install the clients"
python=$(install_python) || could_not "pip did not install the client"
rust=$(build Cargo.toml --workspace --all-features --bin mcp_interop) || could_not "the Rust client does not build"
[[ -x $rust ]] || could_not "cargo named no executable"
write_challenges || could_not "the challenges were not written"

run_cases node "$here/main.mjs" "$challenges" "$python" "$rust"
