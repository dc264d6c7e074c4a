#!/usr/bin/env bash
# The vendor's own token validation (npm bms-mca-token-validation-strategy) and our axum example under
# --profile mobile-client-access, on one key server: each case is put to both, and the answers are
# compared. Prints a table and ends with "N passed, M failed".
#
# Needs cargo, npm and the Node that comes with it. PROFILE: cargo profile of the example (default
# dev). CARGO_TARGET_DIR is honoured.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../common.sh
source "$here/../common.sh"

install >&2 || could_not "npm did not install the vendor's package"
protected_api=$(build Cargo.toml --workspace --all-features --example protected_api) || could_not "the axum example does not build"
[[ -x $protected_api ]] || could_not "cargo named no executable"

run_cases node --no-deprecation "$here/run.mjs" "$protected_api"
