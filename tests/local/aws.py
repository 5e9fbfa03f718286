"""One call of AWS: the service, the operation and its parameters as JSON; the answer as JSON. boto3 comes with sam."""

import json
import sys

import boto3


def plain(value):
    """What JSON has no word for: bodies, which are text here, and times."""
    return value.read().decode() if hasattr(value, "read") else str(value)


service, operation, parameters = sys.argv[1:]
answer = getattr(boto3.client(service), operation)(**json.loads(parameters))
answer.pop("ResponseMetadata", None)
json.dump(answer, sys.stdout, default=plain)
