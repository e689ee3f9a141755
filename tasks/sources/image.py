"""The source of an image workload: `{kind: image, image: "127.0.0.1:5000/shop:1", pull: if_missing}`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from db.messages.key_problems import KeyProblem
from tasks.image_reference import REFERENCE, parse_reference, plain_pattern
from tasks.sources.base import Part
from tasks.sources.invalid_spec import wrong

IF_MISSING = "if_missing"


class ImageSource(Part):
    """An image from a registry, or one that the Docker host has. `pull`: whether a registry is asked at each deploy
    (always, the default) or only for an image that the host does not have."""

    kind: Literal["image"]
    image: str = Field(min_length=1, max_length=500, json_schema_extra={"pattern": plain_pattern(REFERENCE.pattern)})
    pull: Literal["always", "if_missing"] | None = None

    @field_validator("image")
    @classmethod
    def _is_reference(cls, value: str) -> str:
        if parse_reference(value) is None:
            raise wrong(KeyProblem.NOT_AN_IMAGE)
        return value
