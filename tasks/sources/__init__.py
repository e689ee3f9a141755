"""The `source` of a spec, one file per kind. Pure: validates what a person writes; tasks.kinds acts on it.

To add a kind, write its file here and its file in tasks.kinds, and name its model in Source; see
docs/writing-a-source-kind.md.
"""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import Field, TypeAdapter

from tasks.sources.compose import ComposeSource
from tasks.sources.git import GitSource
from tasks.sources.image import ImageSource
from tasks.sources.static import StaticSource

# The registry of kinds: this line lists them.
Source = Annotated[ImageSource | GitSource | ComposeSource | StaticSource, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[Any] = TypeAdapter(Source)


def kind_names() -> tuple[str, ...]:
    """Return the names of the registered kinds, in order."""
    models = get_args(get_args(Source)[0])
    return tuple(str(get_args(model.model_fields["kind"].annotation)[0]) for model in models)


def parse_source(data: dict[str, Any]) -> dict[str, Any]:
    """Return a validated source as stored: JSON values, absent ones left out. Raises pydantic.ValidationError."""
    found: dict[str, Any] = _ADAPTER.validate_python(data).model_dump(mode="json", exclude_none=True)
    return found
