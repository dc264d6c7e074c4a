#!/usr/bin/env bash
# Tokens that are bound to a key of their sender (DPoP), of a certified OpenID Provider, against the running example
# protected_api: the clients of five packages; the same proofs to two other resource servers, Debian's mod_oauth2 and
# oauth4webapi, with every difference listed; and nginx, Traefik and Envoy in front. Prints a line for each case and
# ends with "N passed, M failed".
#
# Needs cargo, npm, Python 3.10 or newer with venv, and Debian's mod_oauth2, which root has installed here.
# PROFILE: cargo profile of the example (default dev). CARGO_TARGET_DIR is honoured.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../common.sh
source "$here/../common.sh"

# Without the package apache2, which would start a server of its own.
install_apache() {
  [[ -x /usr/sbin/apache2 && -e /usr/lib/apache2/modules/mod_oauth2.so ]] && return
  [[ $(id -u) == 0 ]] && apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends apache2-bin libapache2-mod-oauth2
}

install >&2 || could_not "npm did not install the clients"
node=$(find_node) || could_not "no Node for this platform"
python=$(install_python) || could_not "pip did not install the client"
proxies=$(install_proxies) || could_not "pip did not install the proxies"
install_apache >&2 || could_not "Debian's libapache2-mod-oauth2 is not there"
api=$(build Cargo.toml --workspace --all-features --example protected_api) || could_not "the example does not build"
[[ -x $api ]] || could_not "cargo named no executable"

run_cases "$node" "$here/main.mjs" "$api" "$python" "$proxies"
