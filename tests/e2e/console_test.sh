#!/usr/bin/env bash
# The console's tests: console_test.sh unit | browser [PLUMB]. Prints "SKIP: reason" where they cannot run.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
skip() { echo "SKIP: $*"; exit 0; }
[ -d "$root/console/node_modules" ] || skip "the console's packages are not installed (deps/install console)"
bin=$("$root/deps/install" node-bin 2>/dev/null) || skip "there is no Node.js"
export PATH="${bin:+$bin:}$PATH"
cd "$root/console"
case ${1:-} in
  unit) exec npm run --silent test ;;
  browser)
    [ -f dist/index.html ] || skip "the console is not built (npm run build)"
    chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || skip "there is no Chromium"
    exec node "$root/tests/e2e/console_test.mjs" "$chromium" "${2:-}" ;;
  *) echo "usage: console_test.sh unit | browser [PLUMB]" >&2; exit 2 ;;
esac
