"""The source of a static site: `{kind: static, path: "/srv/site"}`, `{kind: static, url: "https://…", ref: main, root:
public}`, or `{kind: static}` for uploaded files."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from db.messages.key_problems import KeyProblem
from tasks.sources.addresses import PathInside, Ref, RepositoryUrl, Submodules
from tasks.sources.base import Part, alone
from tasks.sources.invalid_spec import wrong
from tasks.sources.serving import CacheRules, SiteFile


class StaticSource(Part):
    """Files to serve: a directory of the host, a folder of a git repository, or an upload.

    `content` is the hash of the latest upload, set by the upload itself; absent before the first one. `fallback` is the
    file that each missing path gets, with status 200, as apps need that route in the browser; `not_found` the page of
    status 404; `cache` for how long browsers may keep files, the first rule that matches.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                alone("url", "path", "content"),
                alone(None, "url", "ref", "root", "submodules", "content"),
                alone(None, "url", "ref", "root", "submodules", "path"),
            ]
        }
    )

    kind: Literal["static"]
    path: str | None = Field(None, min_length=2, max_length=500, json_schema_extra={"pattern": "^/"})
    url: RepositoryUrl | None = None
    ref: Ref | None = None
    root: PathInside | None = None
    submodules: Submodules = None
    content: str | None = Field(None, pattern=r"^sha256:[0-9a-f]{64}$")
    fallback: SiteFile | None = None
    not_found: SiteFile | None = None
    cache: CacheRules = None

    @field_validator("path")
    @classmethod
    def _is_absolute(cls, value: str | None) -> str | None:
        if value is not None and (not value.startswith("/") or ".." in value.split("/") or not value.isprintable()):
            raise wrong(KeyProblem.NOT_ABSOLUTE)
        return value

    @model_validator(mode="after")
    def _one_place(self) -> StaticSource:
        given = [key for key in ("path", "url", "content") if getattr(self, key) is not None]
        if len(given) > 1:
            raise wrong(KeyProblem.ANOTHER_PLACE, f"source.{given[1]}")
        for key in ("ref", "root", "submodules"):
            if getattr(self, key) is not None and self.url is None:
                raise wrong(KeyProblem.NEEDS_URL, f"source.{key}")
        return self
