#!/usr/bin/env bash
# Real tokens of a certified OpenID Provider (npm oidc-provider) against the running axum and tonic
# examples. Prints a table of cases and ends with "N passed, M failed".
#
# Usage: run.sh [CASES]: the module with the cases, cases.mjs unless told otherwise.
# Needs cargo and npm. PROFILE: cargo profile of the examples (default dev). CARGO_TARGET_DIR is honoured.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../common.sh
source "$here/../common.sh"

install >&2 || could_not "npm did not install the provider"
node=$(find_node) || could_not "no Node for this platform"
protected_api=$(build Cargo.toml --workspace --all-features --example protected_api) ||
  could_not "the axum example does not build"
grpc=$(build Cargo.toml --workspace --all-features --bin grpc) || could_not "the tonic example does not build"
[[ -x $protected_api && -x $grpc ]] || could_not "cargo named no executable"

run_cases "$node" "$here/${1:-cases.mjs}" "$protected_api" "$grpc"
