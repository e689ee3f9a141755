"""Addresses: Flask's rules in OpenAPI's notation, and the descriptions of their parameters."""

from __future__ import annotations

import re

from flows.shapes.base import LARGEST
from tasks.sources.credential_names import LONGEST
from tasks.sources.credential_names import NAME as NAME_OF_CREDENTIALS
from tasks.specs import NAME
from webapp.api.registries import HOST
from webapp.openapi.calls.call import Parameter

PARAMETERS: dict[str, Parameter] = {
    "name": Parameter("name", {"type": "string", "pattern": NAME, "examples": ["shop"]}, "The workload.", "path"),
    "version": Parameter(
        "version", {"type": "integer", "minimum": 1, "maximum": LARGEST, "examples": [1]}, "The deploy.", "path"
    ),
    "number": Parameter(
        "number", {"type": "integer", "minimum": 1, "maximum": LARGEST, "examples": [1]}, "The webhook.", "path"
    ),
    "token": Parameter("token", {"type": "string", "minLength": 1}, "Of the address that was shown once.", "path"),
    "secret": Parameter("secret", {"type": "string", "minLength": 1}, "Of the same address.", "path"),
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

# Where a parameter's meaning depends on its blueprint: by blueprint and name.
SPECIAL: dict[str, Parameter] = {
    "git_credentials.host": Parameter(
        "host",
        {"type": "string", "maxLength": LONGEST, "pattern": NAME_OF_CREDENTIALS, "examples": ["git.example"]},
        "The git server, with its port if its address has one; a path behind it limits them to what is below that.",
        "path",
    ),
}


def parameters(endpoint: str, rule: str) -> list[Parameter]:
    """Return the descriptions of the parameters in a rule."""
    blueprint = endpoint.partition(".")[0]
    names = re.findall(r"<(?:\w+:)?(\w+)>", rule)
    return [SPECIAL.get(f"{blueprint}.{name}") or PARAMETERS[name] for name in names]


def address(rule: str) -> str:
    """Convert /api/workloads/<name>/deploys/<version:version> to /api/workloads/{name}/deploys/{version}"""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)
