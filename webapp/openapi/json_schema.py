"""Adjustments of pydantic's JSON Schema: a tidy schema, a patch derived from a spec. Pure."""

from __future__ import annotations

from typing import Any

# A change may leave out any key, and null resets one to its default; these two have none.
WITHOUT_DEFAULT = ("name", "source")
MERGED = ("env", "secrets")  # by name: null removes one


def tidied(schema: Any) -> Any:
    """Return pydantic's schema without the titles derived from names, refusing names that fit no pattern."""
    if isinstance(schema, list):
        return [tidied(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: tidied(value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))}
    return found | ({"additionalProperties": False} if "patternProperties" in found else {})


def patch_of(spec: dict[str, Any]) -> dict[str, Any]:
    """Derive the schema of a change from the schema of a spec."""
    keys = {
        key: schema if key in WITHOUT_DEFAULT else {"anyOf": [schema, {"type": "null"}]}
        for key, schema in spec["properties"].items()
    }
    for key in MERGED:
        names = spec["properties"][key]["patternProperties"]
        forgotten = {name: {"anyOf": [value, {"type": "null"}]} for name, value in names.items()}
        merged = {**spec["properties"][key], "patternProperties": forgotten}
        keys[key] = merged if key == "secrets" else {"anyOf": [merged, {"type": "null"}]}
    return {
        "type": "object",
        "title": "SpecChange",
        "description": "Keys of a spec to replace; null puts a key back to its default. "
        "Variables and secrets are merged by name.",
        "properties": keys,
        "additionalProperties": False,
    }
