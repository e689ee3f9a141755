"""What a Dockerfile uses and an Engine's own builder does not know, with the Engine that does. Pure.

Compares versions and reads no error text. A Dockerfile with a `# syntax=` line brings its own reader of Dockerfiles, so
BuildKit knows all of it. Versions are those of the Engine whose built-in frontend first has the feature.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tasks.docker.records import Builder
from tasks.images.dockerfile import Dockerfile, Instruction

Version = tuple[int, int]
_FLAGS: dict[tuple[str, str], Version] = {
    ("RUN", "mount"): (20, 10),
    ("COPY", "chmod"): (20, 10),
    ("ADD", "chmod"): (20, 10),
    ("RUN", "network"): (23, 0),
    ("COPY", "link"): (23, 0),
    ("ADD", "link"): (23, 0),
    ("ADD", "checksum"): (25, 0),
    ("ADD", "keep-git-dir"): (25, 0),
    ("HEALTHCHECK", "start-interval"): (25, 0),
    ("COPY", "exclude"): (29, 0),
    ("ADD", "exclude"): (29, 0),
    ("COPY", "parents"): (29, 1),
}
_HEREDOCS: Version = (23, 0)


@dataclass(frozen=True)
class Gap:
    """A feature as the Dockerfile spells it. `since`: the Engine that knows it; empty when only BuildKit is missing."""

    what: str
    since: str = ""


def gaps(dockerfile: Dockerfile, builder: Builder) -> list[Gap]:
    """Return each feature once that a builder does not know, in the order of the Dockerfile."""
    if builder.buildkit and dockerfile.syntax:
        return []
    version = _version(builder.version)
    found: dict[str, Gap] = {}
    for instruction in dockerfile.instructions:
        for what, since in _features(instruction):
            if version is not None and version < since:
                found.setdefault(what, Gap(what, ".".join(map(str, since))))
            elif not builder.buildkit:
                found.setdefault(what, Gap(what))
    return list(found.values())


def _features(one: Instruction) -> list[tuple[str, Version]]:
    flags = dict.fromkeys(name for name, _ in one.flags)
    known = [(f"{one.keyword} --{name}", _FLAGS[one.keyword, name]) for name in flags if (one.keyword, name) in _FLAGS]
    return known + ([(f"{one.keyword} {one.heredoc}", _HEREDOCS)] if one.heredoc else [])


def _version(text: str) -> Version | None:
    match = re.match(r"(\d{1,4})\.(\d{1,4})", text)
    return (int(match[1]), int(match[2])) if match else None
