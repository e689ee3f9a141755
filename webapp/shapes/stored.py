"""The shapes of stored objects: workloads with their specs, registries; and the bodies that change them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, SecretStr

from db.messages.key_problems import KeyProblem
from flows.shapes.base import LARGEST, Moment, Shape, Version
from flows.shapes.deploys import Row
from flows.shapes.status import StatusKeys
from tasks.image_reference import REFERENCE, plain_pattern
from tasks.sources import Source
from tasks.sources.base import whole
from tasks.sources.invalid_spec import wrong
from tasks.specs import NAME, Spec

Name = Annotated[str, Field(pattern=NAME)]
Image = Annotated[
    str, Field(min_length=1, max_length=500, json_schema_extra={"pattern": plain_pattern(REFERENCE.pattern)})
]
Ref = Annotated[str, Field(min_length=1, max_length=200, json_schema_extra={"pattern": r"^[^\x00]+$"})]


AskedVersion = Annotated[
    int,
    Field(strict=True, ge=1, le=LARGEST, description="1, 2, 3 … per workload."),
    BeforeValidator(whole),
]


def _text(longest: int) -> Any:
    return Field(min_length=1, max_length=longest, json_schema_extra={"pattern": r"^[^\x00]+$"})


def _no_nul(value: Any) -> Any:
    """Refuse NUL, which PostgreSQL cannot store."""
    if "\0" in (value.get_secret_value() if isinstance(value, SecretStr) else value):
        raise wrong(KeyProblem.NOT_ONE_LINE)
    return value


class HeldPin(Shape):
    """A pin that automatic deploys skip until a person deploys it."""

    pin_short: str | None
    version: Version
    reason: str
    since: Moment
    identity: str


class ShownSpec(Spec):
    """A spec as it is shown: secrets by name only."""

    secrets: list[str]  # type: ignore[assignment]


class NamedWorkload(Shape):
    """What a workload is called, and what it is made of."""

    id: Name
    name: Name
    source: Source


class Workload(StatusKeys, NamedWorkload):
    """A workload in a list: its kind, its status, its live and its last row."""

    host: str
    live: Row | None
    last: Row | None
    created_at: Moment
    updated_at: Moment


class Workloads(Shape):
    """All workloads."""

    workloads: list[Workload]


class WholeWorkload(Workload):
    """A workload by itself, with its spec."""

    spec: ShownSpec
    held_pins: list[HeldPin]
    pending: list[str] = Field(description="Keys in which the next deploy would differ from what is live.")


class UnderRemoval(Shape):
    """A workload that is still being removed."""

    name: Name
    status: Literal["removing"]


class DeployRequest(Shape):
    """What to deploy instead of the spec's own: another image, or for a repository another ref."""

    image: Image | None = None
    ref: Ref | None = None


class RollbackRequest(Shape):
    """The version to return to, and the live version that the page showed. Without `version`: see docs/api.md.

    Changes of the spec that are not deployed stay for the next deploy, unless they are discarded.
    """

    version: AskedVersion | None = None
    expected_live: AskedVersion | None = None
    discard_pending: Annotated[bool, Field(strict=True)] = False


class Registry(Shape):
    """Credentials of a registry: the password is never shown."""

    host: str
    username: str


class Registries(Shape):
    """All registries with stored credentials."""

    registries: list[Registry]


class Credentials(Shape):
    """Credentials to store for a registry."""

    username: Annotated[str, _text(255), AfterValidator(_no_nul)]
    password: Annotated[SecretStr, _text(4096), AfterValidator(_no_nul)]


class Login(Shape):
    """Name and password of a person."""

    username: str = Field(max_length=1000)
    password: SecretStr = Field(max_length=1000)


class Logout(Shape):
    """With `everywhere`, whatever its value, every session of the person ends."""

    model_config = ConfigDict(extra="allow")
    everywhere: str | None = None


class Alive(Shape):
    """The process answers."""

    status: Literal["ok"]


class Down(Shape):
    """Names of the services that do not answer."""

    down: list[Literal["database", "prefect", "docker"]]


Anything = dict[str, Any]
