#!/usr/bin/env bash
# Real clients of the Model Context Protocol (Rust, TypeScript, Python) against the running example mcp_server,
# with tokens of its own issuer and of a certified OpenID Provider; then a scanner, and the official conformance
# suite with and without the guard. Prints a line for each case and ends with "N passed, M failed".
#
# Needs cargo, npm, and Python 3.10 or newer with venv. PROFILE: cargo profile of the programs (default dev).
# CARGO_TARGET_DIR is honoured.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../common.sh
source "$here/../common.sh"

install >&2 || could_not "npm did not install the clients"
node=$(find_node) || could_not "no Node for this platform"
python=$(install_python) || could_not "pip did not install the clients"
server=$(build Cargo.toml --workspace --all-features --bin mcp_server) || could_not "the example does not build"
rust=$(build Cargo.toml --workspace --all-features --bin mcp_interop) || could_not "the Rust client does not build"
[[ -x $server && -x $rust ]] || could_not "cargo named no executable"

run_cases "$node" "$here/main.mjs" "$server" "$rust" "$python"
