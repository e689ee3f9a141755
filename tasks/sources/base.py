"""The base of every part of a spec."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from db.messages.key_problems import KeyProblem
from tasks.sources.invalid_spec import wrong


def _written(value: object) -> object:
    if value is None or isinstance(value, bool | float):
        raise wrong(KeyProblem.QUOTE_IT)
    return str(value) if isinstance(value, int) else value


# A whole number of JSON is its text. Of any other value the text as it was written is lost: 1.10 is 1.1.
WrittenText = Annotated[
    str,
    Field(json_schema_extra={"type": ["string", "integer"], "minimum": -(2**63), "maximum": 2**64 - 1}),
    BeforeValidator(_written),
]


class Part(BaseModel):
    """Refuses unknown keys; no refusal repeats the value given: it may be a secret in the wrong place."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def alone(given: str | None, *others: str) -> dict[str, Any]:
    """Return JSON Schema for: this key has a value (None: none is required), and the others have none."""
    needed: dict[str, Any] = {"required": [given]} if given else {}
    wanted: dict[str, Any] = {given: {"not": {"type": "null"}}} if given else {}
    return needed | {"properties": wanted | {key: {"type": "null"} for key in others}}
