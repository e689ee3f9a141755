"""The base of every part of a spec."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from db.messages.key_problems import KeyProblem
from db.messages.problem_base import Problem
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


def whole(value: object) -> object:
    """Return 8080.0 as 8080: JSON has one kind of number. Any other value is left for validation to refuse."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def spoken(pattern: str, problem: Problem) -> tuple[Any, ...]:
    """Return the annotations of a text that has to match a pattern, refused in words; the description of the API has
    the pattern."""

    def matching(value: str) -> str:
        if re.fullmatch(pattern, value) is None:
            raise wrong(problem)
        return value

    return Field(json_schema_extra={"pattern": pattern}), AfterValidator(matching)


# Stored only when it is true.
Flag = Annotated[bool | None, Field(strict=True), AfterValidator(lambda value: value or None)]


class Part(BaseModel):
    """Refuses unknown keys; no refusal repeats the value given: it may be a secret in the wrong place."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def alone(given: str | None, *others: str) -> dict[str, Any]:
    """Return JSON Schema for: this key has a value (None: none is required), and the others have none."""
    needed: dict[str, Any] = {"required": [given]} if given else {}
    wanted: dict[str, Any] = {given: {"not": {"type": "null"}}} if given else {}
    return needed | {"properties": wanted | {key: {"type": "null"} for key in others}}
