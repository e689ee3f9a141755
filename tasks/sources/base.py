"""The base of every part of a spec."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """Refuses unknown keys; no refusal repeats the value given: it may be a secret in the wrong place."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def alone(given: str | None, *others: str) -> dict[str, Any]:
    """Return JSON Schema for: this key has a value (None: none is required), and the others have none."""
    needed: dict[str, Any] = {"required": [given]} if given else {}
    wanted: dict[str, Any] = {given: {"not": {"type": "null"}}} if given else {}
    return needed | {"properties": wanted | {key: {"type": "null"} for key in others}}
