#!/bin/sh
# Makes this folder again: policies/guard/reproduce.sh [DATA_DIR] [PLUMB]
# DATA_DIR (default ../shared/data beside the source tree) holds the files that sources.py names. The encoder goes on from START
# (default: this folder's encoder as of commit ccb4044), which has learned the policy's own rows, with two seeds at once, a
# thread each; the two are averaged. About a quarter of an hour on two cores.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
data=${1:-$root/../shared/data}
plumb=${2:-$root/build/release/plumb}
policy=$root/policies/general-assistant.yaml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1

if [ -z "${START:-}" ]; then
  START=$work/start
  mkdir -p "$START"
  for file in adapter_config.json adapter_model.safetensors; do
    git -C "$root" show "ccb4044:policies/guard/encoder/$file" > "$START/$file"
  done
fi
python3 "$root/policies/guard/sources.py" "$data" "$work"
"$plumb" guard train --policy "$policy" --write-rows "$work/policy.jsonl"
python3 "$root/policies/guard/sources.py" --encoder "$work/policy.jsonl" "$work"
python3 "$root/policies/guard/extend_heads.py" "$START" "$work/encoder.jsonl" "$work" 1 2
"$(dirname "$plumb")/plumb-lm" train classifier --config "$work/1.json" & first=$!
"$(dirname "$plumb")/plumb-lm" train classifier --config "$work/2.json"
wait "$first"
python3 "$root/policies/guard/average.py" "$work/encoder" "$work/1/adapter" "$work/2/adapter"
"$plumb" guard train --policy "$policy" --out "$work/guard" --data "$work/train.jsonl" --encoder-folder "$work/encoder" --seed 1
"$plumb" guard calibrate --policy "$policy" --guard "$work/guard" --ordinary "$work/ordinary.jsonl" --data "$work/documents.jsonl"
for file in guard.json linear.bin encoder/adapter_config.json encoder/adapter_model.safetensors; do
  mkdir -p "$root/policies/guard/$(dirname "$file")"
  cp "$work/guard/$file" "$root/policies/guard/$file"
done
cp "$work/provenance.json" "$root/policies/guard/provenance.json"
python3 "$root/policies/guard/sources.py" --card "$work/provenance.json" "$work/guard/card.md" > "$root/policies/guard/card.md"
