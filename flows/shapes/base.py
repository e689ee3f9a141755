"""The base of the shapes of answers: pydantic models whose fields define the keys of an answer, and their order.

An answer is filled from the ledger, and not validated on output: a row that another version of Backstay wrote is shown
as it is. The tests check that answers are as described.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from db.serialize import iso

LARGEST = 2**31 - 1  # the largest INTEGER of PostgreSQL
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="UTC, ISO 8601 with Z.")]
Version = Annotated[int, Field(ge=1, le=LARGEST, description="1, 2, 3 … per workload.")]


class Shape(BaseModel):
    """The base of every shape: no other keys than its fields."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


def filled(shape: type[BaseModel], source: object, /, **made: Any) -> dict[str, Any]:
    """Return an answer of this shape: the `made` values, the rest from the source's attributes of the same names.

    Moments become UTC ISO-8601 with Z.
    """
    values = ((key, made[key] if key in made else getattr(source, key)) for key in shape.model_fields)
    return {key: iso(value) if isinstance(value, datetime) else value for key, value in values}
