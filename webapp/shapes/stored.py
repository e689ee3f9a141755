"""The shapes of stored objects: workloads with their specs, registries; and the bodies that change them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic.config import JsonDict

from db.messages.key_problems import KeyProblem
from flows.shapes.base import LARGEST, Moment, Shape, Version
from flows.shapes.deploys import Row
from flows.shapes.status import StatusKeys
from tasks.credentials import normal_key
from tasks.image_reference import REFERENCE, plain_pattern
from tasks.sources import Source
from tasks.sources.invalid_spec import wrong
from tasks.specs import NAME, Spec
from tasks.specs.ports import whole

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


def _one_line(value: str) -> str:
    """Refuse more than one line: git's credential protocol has no room for it."""
    if not value.isprintable():
        raise wrong(KeyProblem.NOT_ONE_LINE)
    return value


def _private_key(value: str) -> str:
    if (key := normal_key(value)) is None:
        raise wrong(KeyProblem.NOT_A_PRIVATE_KEY)
    return key


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


class UnderRemoval(Shape):
    """A workload that is still being removed."""

    name: Name
    status: Literal["removing"]


class DeployRequest(Shape):
    """What to deploy instead of the spec's own: another image, or for a repository another ref."""

    image: Image | None = None
    ref: Ref | None = None


class RollbackRequest(Shape):
    """The version to return to, and the live version that the page showed. Without `version`: see docs/api.md."""

    version: AskedVersion | None = None
    expected_live: AskedVersion | None = None


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


class GitCredential(Shape):
    """Credentials of a git server: their kinds, never their values."""

    host: str
    username: str
    has: list[Literal["password", "ssh_key"]]


class GitCredentials(Shape):
    """All git servers with stored credentials."""

    git_credentials: list[GitCredential]


Line = Annotated[
    str,
    Field(min_length=1, max_length=4096, json_schema_extra={"pattern": r"^[^\x00-\x1f\x7f]+$"}),
    AfterValidator(_one_line),
]


def _given(*keys: str) -> JsonDict:
    """Return the JSON schema for keys that are present and not null."""
    return {"required": [*keys], "properties": {key: {"type": "string"} for key in keys}}


class GitLogin(Shape):
    """Credentials to store for a git server; they replace the stored ones. `token` is a synonym of `password`: one of
    them, a key, or both."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [_given(one) for one in ("password", "token", "ssh_key")],
            "not": _given("password", "token"),
        }
    )
    username: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_one_line)] | None = None
    password: Line | None = Field(None, repr=False)
    token: Line | None = Field(None, repr=False)
    ssh_key: Annotated[str, Field(min_length=1, max_length=16384), AfterValidator(_private_key)] | None = Field(
        None, repr=False
    )

    @model_validator(mode="after")
    def _something_and_no_word_twice(self) -> GitLogin:
        if self.password is not None and self.token is not None:
            raise wrong(KeyProblem.CONFLICTS_WITH, "token", other="password")
        if self.password is None and self.token is None and self.ssh_key is None:
            raise wrong(KeyProblem.NO_CREDENTIALS, "password")
        return self


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
