"""What Docker says of a release that it cannot create, as keys and paths of its stored file. Pure.

A path is told only if the file has it as a source: what else is in the output is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_NO_SOURCE = re.compile(r"bind source path does not exist: (?P<path>/\S.*?)\s*$", re.MULTILINE)


def missing_sources(lines: Iterable[str], file: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (key, path) of what a file mounts and the host does not have, by the output of `docker compose up`."""
    gone = set(_NO_SOURCE.findall("\n".join(lines)))
    return [(key, path) for key, path in dict.fromkeys(_sources(file)) if path in gone]


def _sources(file: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, service in file["services"].items():
        for mount in service.get("volumes") or []:
            if mount.get("type") == "bind":
                yield f"{name}.volumes", _plain(mount.get("source"))
    for what in ("configs", "secrets"):
        for name, one in (file.get(what) or {}).items():
            if (path := (one or {}).get("file")) is not None:
                yield f"{what}.{name}.file", _plain(path)


def _plain(path: Any) -> str:
    return str(path or "").replace("$$", "$")
