"""What every part of a spec has in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """Unknown keys are refused, and no refusal repeats what was given: it may be a secret in the wrong place."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def alone(given: str | None, *others: str) -> dict[str, Any]:
    """In JSON Schema: this key has a value (None: none is asked for), and the others have none."""
    needed: dict[str, Any] = {"required": [given]} if given else {}
    wanted: dict[str, Any] = {given: {"not": {"type": "null"}}} if given else {}
    return needed | {"properties": wanted | {key: {"type": "null"} for key in others}}
