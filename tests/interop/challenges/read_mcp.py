"""What the client of PyPI `mcp` finds in each answer: JSON in, JSON out."""

import json
import sys

from httpx2 import Response
from mcp.client.auth.utils import (
    extract_field_from_www_auth,
    extract_resource_metadata_from_www_auth,
    extract_scope_from_www_auth,
)


def read(answer):
    fields = [("WWW-Authenticate", field) for field in answer["fields"]]
    response = Response(answer["status"], headers=fields)
    found = {
        "error": extract_field_from_www_auth(response, "error"),
        "scope": extract_scope_from_www_auth(response),
        "resource_metadata": extract_resource_metadata_from_www_auth(response),
    }
    return {name: value for name, value in found.items() if value is not None}


json.dump([read(answer) for answer in json.load(sys.stdin)], sys.stdout)
