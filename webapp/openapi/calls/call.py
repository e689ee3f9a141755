"""The description of one call: a line, what it takes, what it answers, which codes it may refuse with. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from db.messages.refusals import RefusalCode

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Parameter:
    """A parameter of the query, or a header. `schema` is JSON Schema; `says` describes its purpose."""

    name: str
    schema: dict[str, Any]
    says: str
    place: str = "query"


@dataclass(frozen=True)
class Body:
    """A body: its shape, whether it may be left out, and the accepted media types."""

    shape: Any
    optional: bool = False
    media: tuple[str, ...] = (JSON,)


@dataclass(frozen=True)
class Answer:
    """The answer with a status: a shape in a media type (no shape: an empty body), with these headers."""

    says: str
    shape: Any = None
    media: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One endpoint. Its address and method are those of its route, its role that of the table of permissions.

    `refuses` are its own codes; the codes that every such call can answer (401, 503 …) are added to them.
    """

    says: str
    answers: dict[int, Answer]
    body: Body | None = None
    query: tuple[Parameter, ...] = ()
    refuses: tuple[RefusalCode, ...] = ()
    more: str = ""


def ok(shape: Any, says: str = "As it is now.", **more: Any) -> dict[int, Answer]:
    """Describe a 200 with a shape."""
    return {200: Answer(says, shape, **more)}
