#!/usr/bin/env bash
# Tokens that a certified OpenID Provider (npm oidc-provider) binds to certificates of clients, against an API that
# ends TLS itself, and against one behind nginx and Envoy, which tell the certificate in a header. Prints a line for
# each case and ends with "N passed, M failed".
#
# Needs cargo, npm, and Python for the proxies, which come from PyPI. PROFILE: cargo profile of the examples
# (default dev). CARGO_TARGET_DIR is honoured.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../common.sh
source "$here/../common.sh"

install >&2 || could_not "npm did not install the provider"
proxies=$(install_proxies) || could_not "pip did not install the proxies"
node=$(find_node) || could_not "no Node for this platform"
protected_api=$(build Cargo.toml --workspace --all-features --example protected_api) ||
  could_not "the example protected_api does not build"
mtls=$(build Cargo.toml --workspace --all-features --bin mtls) || could_not "the example mtls does not build"
[[ -x $protected_api && -x $mtls ]] || could_not "cargo named no executable"

run_cases "$node" "$here/cases.mjs" "$protected_api" "$mtls" "$proxies"
