"""What an app has stored in its container's own layer, at a path that a deploy mounts a directory over from now on.

Releases of older versions, and ones with a `:ro` directory, have copies of a repository's files in the container.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from tasks.compose.own_files import Mount
from tasks.context import Context
from tasks.docker.records import ListedContainer
from tasks.labels import SERVICE

Model = Mapping[str, Any]
COPY = "file_"  # how the configs are called that tasks.compose.checkout makes of files


def left_behind(
    context: Context, containers: list[ListedContainer], live: Model, mounts: list[Mount]
) -> list[tuple[Mount, str]]:
    """Return the mounts over files that the app has written, and the names of their containers. `live` is the stored
    file that the containers were made of. Raises Failure(engine_unreachable)."""
    found = []
    for mount in mounts:
        copied = dict(_copies(live, mount))
        for one in containers if copied else ():
            if one.labels.get(SERVICE) == mount.service and _has_own(context, one.id, mount.target, copied):
                found.append((mount, one.names[0]))
                break
    return found


def _copies(live: Model, mount: Mount) -> Iterator[tuple[str, bytes]]:
    """Yield path in the container -> content, of what the release put below a mount's target."""
    service, configs = live["services"].get(mount.service) or {}, live.get("configs") or {}
    for one in service.get("configs") or []:
        target, source = PurePosixPath(one.get("target") or "/"), str(one.get("source"))
        if source.startswith(COPY) and target.is_relative_to(mount.target) and str(target) != mount.target:
            content = str((configs.get(source) or {}).get("content") or "\n")  # Docker Compose has no empty ones
            yield str(target), content.replace("$$", "$").encode()


def _has_own(context: Context, container: str, target: str, copied: Mapping[str, bytes]) -> bool:
    changed = {
        path for path in context.docker.containers.changes(container) if PurePosixPath(path).is_relative_to(target)
    }
    known = {*copied, *(str(above) for path in changed | copied.keys() for above in PurePosixPath(path).parents)}
    if changed - known - {target}:
        return True
    return any(_content(context, container, path) not in {None, content} for path, content in copied.items())


def _content(context: Context, container: str, path: str) -> bytes | None:
    """Return the content of a file; None if it is gone or none any more."""
    raw = context.docker.containers.archive(container, path)
    if raw is None:
        return None
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        entry = tar.next()
        content = tar.extractfile(entry) if entry is not None and entry.isfile() else None
        return content.read() if content else None
