"""The source of a git workload: `{kind: git, url: "https://…", ref: main, context: ., dockerfile: Dockerfile}`."""

from __future__ import annotations

from typing import Literal

from tasks.sources.addresses import PathInside, Ref, RepositoryUrl, Submodules
from tasks.sources.base import Part


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
