"""The document for human readers: types in words with links to the shapes, keys of a shape as lines. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

REFS = "#/components/schemas/"
# Part of a type in words: the text, and the shape that it names, if any.
Part = tuple[str, str | None]
_WORDS = {"string": "text", "object": "mapping", "array": "list", "boolean": "true or false", "integer": "whole number"}


def type_of(schema: dict[str, Any]) -> list[Part]:
    """Return the type of a value in words: [("list of ", None), ("Row", "Row")]."""
    return _joined(list(_type(schema)))


def _type(schema: dict[str, Any]) -> Iterator[Part]:
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(REFS)
        yield name, name
    elif "const" in schema:
        yield json.dumps(schema["const"]), None
    elif "enum" in schema:
        yield " | ".join(str(value) for value in schema["enum"]), None
    elif options := schema.get("anyOf") if "type" not in schema else None:
        for index, option in enumerate(options):
            yield (" or " if index else ""), None
            yield from _type(option)
    elif schema.get("type") == "array" and "items" in schema:
        yield "list of ", None
        yield from _type(schema["items"])
    elif values := schema.get("patternProperties") or schema.get("additionalProperties"):
        yield "names to ", None
        yield from _type(next(iter(values.values())) if "patternProperties" in schema else _dict(values))
    else:
        yield _plain(schema), None


def _dict(schema: Any) -> dict[str, Any]:
    return schema if isinstance(schema, dict) else {}


def _plain(schema: dict[str, Any]) -> str:
    kinds = schema.get("type", "anything")
    words = " or ".join(_WORDS.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds))
    if schema.get("format") == "date-time":
        return "date and time"
    low, high = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
    if low is not None and high is not None:
        return f"{words}, {low} to {high}"
    return words + (f", at least {low}" if low is not None else "")


def _joined(parts: list[Part]) -> list[Part]:
    """Join neighbouring plain texts."""
    found: list[Part] = []
    for text, link in parts:
        if found and link is None and found[-1][1] is None:
            found[-1] = (found[-1][0] + text, None)
        elif text:
            found.append((text, link))
    return found


def keys_of(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Return [{"name", "type", "needed", "says", "default"}] of an object."""
    needed = set(schema.get("required", []))
    return [
        {
            "name": name,
            "type": type_of(value),
            "needed": name in needed,
            "says": value.get("description", ""),
            "default": json.dumps(value["default"]) if value.get("default") not in (None, {}) else None,
        }
        for name, value in schema.get("properties", {}).items()
    ]


def calls(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return tag -> its calls: {"id", "method", "path", …} with bodies and answers as types."""
    found: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found[operation["tags"][0]].append({"method": method.upper(), "path": path, **_call(operation, document)})
    return found


def _call(operation: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {})
    return {
        "id": operation["operationId"],
        "summary": operation["summary"],
        "says": operation.get("description", ""),
        "parameters": [{**one, "type": type_of(one["schema"])} for one in operation.get("parameters", [])],
        "body": [(media, type_of(of["schema"])) for media, of in body.get("content", {}).items()],
        "body_needed": body.get("required", False),
        "answers": [(status, *_answer(answer, document)) for status, answer in operation["responses"].items()],
    }


def _answer(answer: dict[str, Any], document: dict[str, Any]) -> tuple[str, list[Part]]:
    if "$ref" in answer:
        answer = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    for media, of in answer.get("content", {}).items():
        if media == "application/json":
            return answer["description"], type_of(of["schema"])
        if "allOf" not in of["schema"]:
            return answer["description"], [(media, None)]
    return answer["description"], []
