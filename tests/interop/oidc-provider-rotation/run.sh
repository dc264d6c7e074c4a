#!/usr/bin/env bash
# A certified OpenID Provider (npm oidc-provider) rotates its key under load: no good request may fail.
# Prints a table and ends with "N passed, M failed". Takes a minute and a half, most of it the refresh
# interval that a key is published ahead.
set -euo pipefail
exec bash "$(dirname "${BASH_SOURCE[0]}")/../oidc-provider/run.sh" rotation.mjs
