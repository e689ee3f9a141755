"""The health check in a spec. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from db.messages.key_problems import KeyProblem
from tasks.sources.base import Part, alone, spoken, whole
from tasks.sources.invalid_spec import wrong
from tasks.specs.ports import Port

CHECKS = ("http", "tcp", "docker", "running_s")
WITH_HTTP = ("port", "host", "status")
MOST = 20
_STATUS = r"[1-5][0-9]{2}(?:-[1-5][0-9]{2})?"


def _as_list(value: object) -> object:
    """Return 200, or `200-299, 404`, as the list of its parts, each a text."""
    if isinstance(value, str):
        return [one.strip() for one in value.split(",")]
    given = [whole(one) for one in (value if isinstance(value, list) else [value])]
    return [str(one) if isinstance(one, int) and not isinstance(one, bool) else one for one in given]


def _goes_upwards(value: str) -> str:
    first, _, last = value.partition("-")
    if last and last < first:
        raise wrong(KeyProblem.NOT_A_STATUS)
    return value


Status = Annotated[str, *spoken(rf"^{_STATUS}$", KeyProblem.NOT_A_STATUS), AfterValidator(_goes_upwards)]
_One = Annotated[int, Field(ge=100, le=599)]
_Several = Annotated[
    str, Field(json_schema_extra={"pattern": rf"^{_STATUS}(?:, ?{_STATUS}){{0,{MOST - 1}}}$"}, max_length=200)
]
Statuses = Annotated[
    list[Status],
    Field(min_length=1, max_length=MOST),
    BeforeValidator(
        _as_list,
        json_schema_input_type=_One | _Several | Annotated[list[_One | Status], Field(min_length=1, max_length=MOST)],
    ),
]
HostHeader = Annotated[
    str, Field(max_length=260), *spoken(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[0-9]{1,5})?$", KeyProblem.NOT_A_HOST_NAME)
]


def _alone(chosen: str) -> dict[str, Any]:
    """Return JSON Schema for one of the checks without the others; some keys only go with http."""
    others = {*CHECKS} - {chosen} | ({*WITH_HTTP} if chosen != "http" else set())
    return alone(chosen, *sorted(others))


class Health(Part):
    """How Backstay decides that a new version works: exactly one of http, tcp, docker, running_s.

    `host` is the Host header of the request, `status` which answers are good: 200 to 399 unless it is given.
    """

    model_config = ConfigDict(json_schema_extra={"oneOf": [_alone(key) for key in CHECKS]})

    http: str | None = Field(None, pattern=r"^/[!-~]*$", max_length=500)
    port: Port | None = None
    host: HostHeader | None = None
    status: Statuses | None = None
    tcp: Port | None = None
    docker: Literal[True] | None = None
    running_s: float | None = Field(None, gt=0, le=3600)
    timeout_s: float | None = Field(None, gt=0, le=3600)

    @model_validator(mode="after")
    def _exactly_one(self) -> Health:
        given = [key for key in CHECKS if getattr(self, key) is not None]
        if len(given) != 1:
            raise wrong(KeyProblem.ONE_CHECK, allowed=", ".join(CHECKS))
        if self.http is None and any(getattr(self, key) is not None for key in WITH_HTTP):
            raise wrong(KeyProblem.PORT_NEEDS_HTTP)
        return self
