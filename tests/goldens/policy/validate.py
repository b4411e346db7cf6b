#!/usr/bin/env python3
"""validate.py SCHEMA POLICY…: checks that the JSON Schema accepts each policy, as an editor would see it.

Exits 77 where jsonschema or PyYAML is missing.
"""
import json
import sys

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"{missing.name} is not installed")
    sys.exit(77)


class Loader(yaml.SafeLoader):
    """YAML 1.2's booleans: `on` is a key, not true."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, regex) for tag, regex in resolvers if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", __import__("re").compile("^(true|false)$"), list("tf"))

schema = json.load(open(sys.argv[1]))
validator = jsonschema.validators.validator_for(schema)
validator.check_schema(schema)
faults = 0
for path in sys.argv[2:]:
    for error in validator(schema).iter_errors(yaml.load(open(path), Loader)):
        print(f"{path}: {'/'.join(map(str, error.absolute_path))}: {error.message}")
        faults += 1
sys.exit(1 if faults else 0)
