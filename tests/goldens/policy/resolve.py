#!/usr/bin/env python3
"""resolve.py POLICY.yaml: the resolved form and its hash, made without any of Plumbline's code.

Handles what good/small.yaml uses: no `extends`, no overlay in force. Prints the RFC 8785 form, then its SHA-256; the
output for good/small.yaml is kept in good/small.resolved.
"""
import hashlib
import json
import pathlib
import sys

import yaml  # BaseLoader: every scalar is text, as in the policy format

RATES = {"catch", "confidence", "refuse", "over_refusal", "capability_drop", "false_alarm", "sample"}
LISTS = {"in", "out", "say", "openai", "mlcommons", "owasp", "atlas", "nist"}


def convert(value, key=None):
    if isinstance(value, dict):
        return {k.lstrip("+"): convert(v, k) for k, v in value.items() if v not in ("null", "~", "")}
    if isinstance(value, list):
        return [convert(item) for item in value]
    if key in RATES:
        return float(value)
    if key == "before_release":
        return value == "true"
    return [value] if key in LISTS else value


path = pathlib.Path(sys.argv[1])
policy = convert(yaml.load(path.read_text(), yaml.BaseLoader))
policy.pop("overlays", None)
rows = [json.loads(line) for name in policy.pop("examples", []) for line in (path.parent / name).read_text().splitlines()]
if rows:
    policy["examples"] = rows
# RFC 8785: for ASCII keys and short decimals, sorted keys and Python's shortest floats are the same.
canonical = json.dumps(policy, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
print(canonical)
print(hashlib.sha256(canonical.encode()).hexdigest())
