"""The source of a compose workload: `{kind: compose, text: "services: …"}`, or files of a git repository.

The host's own Docker Compose reads the text when it is deployed (tasks.compose.cli), not here: a source is checked only
for completeness.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from db.messages.key_problems import KeyProblem
from tasks.sources.addresses import PathInside, Ref, RepositoryUrl, Submodules
from tasks.sources.base import Part, alone
from tasks.sources.invalid_spec import wrong

LONGEST_TEXT = 512 * 1024
DEFAULT_FILE = "compose.yaml"
# Variables by which an env file steers Docker Compose itself.
_RESERVED = re.compile(r"COMPOSE_\w*")
# A name of Docker Compose: services, profiles, projects.
Profile = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]*$", max_length=100)]
# `web.privileged`, `volumes.data.external`, as a refusal names it; or a host directory that may be mounted.
_ALLOWED = r"^(?:/[!-~]*|[a-zA-Z0-9][a-zA-Z0-9_.-]*\.[a-z_]+)$"
LONGEST_ALLOWED = 300
Allowed = Annotated[str, Field(pattern=_ALLOWED, max_length=LONGEST_ALLOWED)]


def is_reserved(variable: str) -> bool:
    """Return whether a variable is not available to a compose file."""
    return _RESERVED.fullmatch(variable) is not None


def may_be_allowed(key: str) -> bool:
    """Return whether `allow` takes a key."""
    return len(key) <= LONGEST_ALLOWED and re.search(_ALLOWED, key) is not None


class ComposeSource(Part):
    """Services of a compose file. Exactly one of `text`, `url`.

    `file` is one path in the repository or several, merged in order. `allow` lists what is otherwise refused: see
    docs/sources.md. Variables in the file take their values from the spec's env and secrets.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                alone("text", "url", "ref", "file", "submodules"),
                alone("url", "text"),
            ]
        }
    )

    kind: Literal["compose"]
    text: str | None = Field(None, min_length=1, max_length=LONGEST_TEXT)
    url: RepositoryUrl | None = None
    ref: Ref | None = None
    file: list[PathInside] | None = Field(None, min_length=1, max_length=20)
    submodules: Submodules = None
    profiles: list[Profile] = Field(default_factory=list, max_length=50)
    allow: list[Allowed] = Field(default_factory=list, max_length=200)

    @field_validator("file", "profiles", "allow", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        """Split a text at its commas, as a form sends it."""
        return [one.strip() for one in value.split(",") if one.strip()] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _text_or_repository(self) -> ComposeSource:
        if (self.text is None) == (self.url is None):
            raise wrong(KeyProblem.TEXT_OR_URL)
        if self.text is not None and (self.ref is not None or self.file is not None):
            raise wrong(KeyProblem.PARTS_NEED_URL)
        if self.text is not None and self.submodules is not None:
            raise wrong(KeyProblem.NEEDS_URL, "source.submodules")
        return self
