"""Addresses: Flask's rules as OpenAPI writes them, and what is said of the parameters in them."""

from __future__ import annotations

import re

from tasks.specs import NAME
from webapp.api.registries import HOST
from webapp.openapi.call import Parameter
from webapp.params import LARGEST

PARAMETERS: dict[str, Parameter] = {
    "name": Parameter("name", {"type": "string", "pattern": NAME, "examples": ["shop"]}, "The workload.", "path"),
    "version": Parameter(
        "version", {"type": "integer", "minimum": 1, "maximum": LARGEST, "examples": [1]}, "The deploy.", "path"
    ),
    "host": Parameter(
        "host",
        {
            "type": "string",
            "maxLength": 255,
            "pattern": HOST,
            "examples": ["registry.example"],
        },
        "The registry, with a port if it needs one.",
        "path",
    ),
}


def address(rule: str) -> str:
    """/api/workloads/<name>/deploys/<version:version> -> /api/workloads/{name}/deploys/{version}"""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)
