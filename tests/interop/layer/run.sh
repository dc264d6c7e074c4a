#!/usr/bin/env bash
# The real web client of Layer (npm layer-websdk) against the running example layer_sessions. Prints a
# line for each step and ends with "N passed, M failed".
#
# Needs cargo, npm and node. PROFILE: cargo profile of the example (default dev). CARGO_TARGET_DIR is
# honoured.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../common.sh
source "$here/../common.sh"

node=$(command -v node) || could_not "there is no node"
install >&2 || could_not "npm did not install the client"
layer_sessions=$(build Cargo.toml --workspace --all-features --example layer_sessions) || could_not "the example does not build"
[[ -x $layer_sessions ]] || could_not "cargo named no executable"

run_cases "$node" "$here/cases.mjs" "$layer_sessions"
