#!/usr/bin/env bash
# The vendor's Node.js SDK for IBM Cloud App ID (npm ibmcloud-appid) and the running axum example, on
# the same tokens and keys: every answer is compared. Prints a table and ends with "N passed, M failed".
#
# Needs cargo and npm. PROFILE: cargo profile of the example (default dev). CARGO_TARGET_DIR is honoured.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../common.sh
source "$here/../common.sh"

install >&2 || could_not "npm did not install the SDK"
protected_api=$(build Cargo.toml --workspace --all-features --example protected_api) || could_not "the example does not build"
[[ -x $protected_api ]] || could_not "cargo named no executable"

# The SDK logs to the table's standard output unless told otherwise.
export LOG4JS_CONFIG=$here/log4js.json

run_cases node "$here/main.mjs" "$protected_api"
