"""What the shapes of answers have in common: pydantic models whose fields say which keys an answer has, in which order.

An answer is filled from what the ledger has, and not checked on the way out: a row that another version of Backstay
wrote is shown as it is. That answers are as described is what the tests check.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from db.serialize import iso

LARGEST = 2**31 - 1  # what an INTEGER column of PostgreSQL holds
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="UTC, ISO 8601 with Z.")]
Version = Annotated[int, Field(ge=1, le=LARGEST, description="1, 2, 3 … per workload.")]


class Shape(BaseModel):
    """What every shape has in common: it has no other keys than these."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


def filled(shape: type[BaseModel], source: object, /, **made: Any) -> dict[str, Any]:
    """Return an answer of this shape: what is made for it, the rest from the source's attributes of the same names.

    Moments become UTC ISO-8601 with Z.
    """
    values = ((key, made[key] if key in made else getattr(source, key)) for key in shape.model_fields)
    return {key: iso(value) if isinstance(value, datetime) else value for key, value in values}
