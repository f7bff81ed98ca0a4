"""Hold files in TOML against a JSON Schema: validate.py SCHEMA FILE... One line each: fine, or where it is not."""

import datetime
import json
import pathlib
import sys
import tomllib

from jsonschema import Draft202012Validator


def plain(value):
    """An instant is a text, as editors take it."""
    match value:
        case dict():
            return {key: plain(inner) for key, inner in value.items()}
        case list():
            return [plain(inner) for inner in value]
        case datetime.datetime():
            return value.isoformat()
    return value


schema = json.loads(pathlib.Path(sys.argv[1]).read_text())
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
for path in map(pathlib.Path, sys.argv[2:]):
    document = plain(tomllib.loads(path.read_text()))
    places = {error.json_path for error in validator.iter_errors(document)}
    print(f"{path.name}: {', '.join(sorted(places)) or 'fine'}")
