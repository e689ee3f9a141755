"""The shapes of credentials of git servers: what is stored, and what is shown of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from db import models
from db.messages.key_problems import KeyProblem
from flows.shapes.base import Shape, filled
from tasks.credentials import normal_key
from tasks.sources.invalid_spec import wrong


def _one_line(value: str) -> str:
    """Refuse more than one line: git's credential protocol has no room for it."""
    if not value.isprintable():
        raise wrong(KeyProblem.NOT_ONE_LINE)
    return value


def _private_key(value: str) -> str:
    if (key := normal_key(value)) is None:
        raise wrong(KeyProblem.NOT_A_PRIVATE_KEY)
    return key


class GitCredential(Shape):
    """Credentials of a git server, or of a path on it: their kinds, never their values."""

    host: str
    username: str
    has: list[Literal["password", "ssh_key"]]


class GitCredentials(Shape):
    """All stored credentials of git servers."""

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


def git_credential(row: models.GitCredential) -> dict[str, Any]:
    """Return what may be shown of credentials."""
    has = [name for name, value in (("password", row.password), ("ssh_key", row.ssh_key)) if value]
    return filled(GitCredential, row, has=has)
