#!/bin/sh
# Makes this folder again: policies/guard/reproduce.sh [DATA_DIR] [PLUMB]
# DATA_DIR (default ../shared/data beside the source tree) holds the files that sources.py names. The encoder learns in three rounds
# from nothing, then in one more with two seeds at once, a thread each; the two are averaged. About 40 minutes on two cores.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
data=${1:-$root/../shared/data}
plumb=${2:-$root/build/release/plumb}
policy=$root/policies/general-assistant.yaml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 "$root/policies/guard/sources.py" "$data" "$work"
"$plumb" guard train --policy "$policy" --write-rows "$work/policy.jsonl"
python3 "$root/policies/guard/sources.py" --encoder "$work/policy.jsonl" "$work"
python3 "$root/policies/guard/encoder_jobs.py" "$work"
"$(dirname "$plumb")/plumb-lm" train classifier --config "$work/first.json"
export OMP_NUM_THREADS=1
"$(dirname "$plumb")/plumb-lm" train classifier --config "$work/1.json" & one=$!
"$(dirname "$plumb")/plumb-lm" train classifier --config "$work/2.json"
wait "$one"
python3 "$root/policies/guard/average.py" "$work/encoder" "$work/1/adapter" "$work/2/adapter"
"$plumb" guard train --policy "$policy" --out "$work/guard" --data "$work/train.jsonl" --encoder-folder "$work/encoder" --seed 1
"$plumb" guard calibrate --policy "$policy" --guard "$work/guard" --ordinary "$work/ordinary.jsonl" --data "$work/documents.jsonl"
for file in guard.json linear.bin encoder/adapter_config.json encoder/adapter_model.safetensors; do
  mkdir -p "$root/policies/guard/$(dirname "$file")"
  cp "$work/guard/$file" "$root/policies/guard/$file"
done
cp "$work/provenance.json" "$root/policies/guard/provenance.json"
python3 "$root/policies/guard/sources.py" --card "$work/provenance.json" "$work/guard/card.md" > "$root/policies/guard/card.md"
