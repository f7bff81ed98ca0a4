"""Says of each line of standard input what a JSON Schema (2020-12) has against it: one JSON array of texts a line.

Usage: validate.py SCHEMA < LINES. A property that the schema doesn't name is an error here, though readers leave it alone.
"""

import json
import sys

from jsonschema import Draft202012Validator

with open(sys.argv[1]) as file:
    schema = json.load(file)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema | {"additionalProperties": False})
for line in sys.stdin:
    print(json.dumps([error.message for error in validator.iter_errors(json.loads(line))]))
