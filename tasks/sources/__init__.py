"""The `source` of a spec, one file a kind. Pure: what a person writes, checked; tasks.kinds makes something of it.

To add a kind, write its file and put its model into Source, beside its entry in tasks.kinds.KINDS.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from tasks.sources.compose import ComposeSource
from tasks.sources.git import GitSource
from tasks.sources.image import ImageSource
from tasks.sources.static import StaticSource

Source = Annotated[ImageSource | GitSource | ComposeSource | StaticSource, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[Any] = TypeAdapter(Source)


def parse_source(data: dict[str, Any]) -> dict[str, Any]:
    """A checked source as it is stored: JSON values, absent ones left out. Raises pydantic.ValidationError."""
    found: dict[str, Any] = _ADAPTER.validate_python(data).model_dump(mode="json", exclude_none=True)
    return found
