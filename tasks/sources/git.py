"""The source of a git workload: `{kind: git, url: "https://…", ref: main, context: ., dockerfile: Dockerfile}`."""

from __future__ import annotations

from typing import Literal

from tasks.sources.addresses import DEFAULT_REF, PathInside, Ref, RepositoryUrl, Submodules
from tasks.sources.base import Part


class GitSource(Part):
    """A Dockerfile in a git repository. `context` lies inside the repository, `dockerfile` inside `context`.
    `submodules`: whether they are fetched; without it their directories stay empty."""

    kind: Literal["git"]
    url: RepositoryUrl
    ref: Ref = DEFAULT_REF
    context: PathInside = "."
    dockerfile: PathInside = "Dockerfile"
    submodules: Submodules = None
