"""The source of a git workload: `{kind: git, url: "https://…", ref: main, context: ., dockerfile: Dockerfile}`.

`build` has what `docker build` calls --build-arg, --target and --secret.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from db.messages.key_problems import KeyProblem
from tasks.sources.addresses import PathInside, Ref, RepositoryUrl, Submodules
from tasks.sources.base import Part, WrittenText
from tasks.sources.invalid_spec import wrong

_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
Name = Annotated[str, Field(pattern=_NAME, max_length=200)]
Value = Annotated[WrittenText, Field(max_length=10_000)]


class Build(Part):
    """How a Dockerfile is built. Arguments are shown and stay in the image; secrets do neither.

    `secrets` names secrets of the workload: a step gets one as `RUN --mount=type=secret,id=NAME`, and the container
    does not get it.
    """

    args: dict[Name, Value] = Field(default_factory=dict, max_length=100)
    target: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)
    secrets: list[Name] = Field(default_factory=list, max_length=50)

    @field_validator("secrets")
    @classmethod
    def _each_once(cls, value: list[str]) -> list[str]:
        if len(value) != len(set(value)):
            raise wrong(KeyProblem.TWICE)
        return value


class GitSource(Part):
    """A Dockerfile in a git repository. Without `ref` the server's default branch. `context` lies inside the
    repository, `dockerfile` inside `context`. `submodules`: fetch them; else their directories stay empty.
    """

    kind: Literal["git"]
    url: RepositoryUrl
    ref: Ref | None = None
    context: PathInside = "."
    dockerfile: PathInside = "Dockerfile"
    submodules: Submodules = None
    build: Build | None = None


def build_of(source: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a stored source that decides how it is built, in a fixed order and without what is empty."""
    build = source.get("build") or {}
    found = {
        "args": dict(sorted((build.get("args") or {}).items())),
        "target": build.get("target"),
        "secrets": sorted(build.get("secrets") or []),
    }
    return {key: value for key, value in found.items() if value}
