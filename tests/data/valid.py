"""Holds a document against a JSON Schema, with formats: `valid.py SCHEMA DOCUMENT`. What is wrong is
told on standard output, a line each, and nothing where all is well.
"""

import json
import sys

import jsonschema_rs

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
with open(sys.argv[2], encoding="utf-8") as file:
    document = json.load(file)
validator = jsonschema_rs.validator_for(schema, validate_formats=True)
for error in validator.iter_errors(document):
    print("/".join(map(str, error.instance_path)), error.message)
