"""The mounts of an app's own directory, HOME/files/<workload>: which of a file's mounts they are, and where. Pure.

In a stored file such a mount is relative (`./store`), so a release holds no path of this machine, and HOME may move.
Releases stored by older versions have a path below HOME/work instead, which is understood as the same mount.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

Model = dict[str, Any]
# Docker would make a directory of a missing file, and the app would fail in a way that nobody understands.
_OF_FILES = frozenset(
    [
        *(".cfg", ".cjs", ".cnf", ".conf", ".crt", ".css", ".csv", ".db", ".env", ".hcl", ".hjson", ".htm", ".html"),
        *(".ico", ".inc", ".ini", ".js", ".json", ".json5", ".jsonc", ".key", ".lua", ".mjs", ".ovpn", ".p12", ".pem"),
        *(".php", ".properties", ".pub", ".py", ".rb", ".rules", ".sh", ".sql", ".sqlite", ".sqlite3", ".template"),
        *(".tmpl", ".toml", ".tpl", ".ts", ".txt", ".vcl", ".xml", ".yaml", ".yml"),
    ]
)
_NAMES_OF_FILES = frozenset({".env", ".htpasswd", "Caddyfile", "Corefile"})
_WORKING_DIRECTORY = re.compile(r"tmp\w{8}")  # as tempfile.mkdtemp names them


@dataclass(frozen=True)
class Mount:
    """A mount of the app's own directory. `path` is relative to it; `target` is in the container."""

    service: str
    path: PurePosixPath
    target: str = ""
    writable: bool = True

    @property
    def shown(self) -> str:
        """The path as people write it."""
        return "." if not self.path.parts else f"./{self.path}"

    @property
    def looks_like_a_file(self) -> bool:
        """Whether its name, on both sides, is one that files have."""
        both = [self.path, PurePosixPath(self.target or self.path)]
        if len({one.suffix for one in both}) == 1 and self.path.suffix in _OF_FILES:
            return True
        return len({one.name for one in both}) == 1 and self.path.name in _NAMES_OF_FILES


def path_of(mount: Model, work: str) -> PurePosixPath | None:
    """Return the path of a mount in the app's own directory; None for any other mount.

    `work`: HOME/work of this host. What lay in or beside a working directory there was meant to be relative.
    """
    source = str(mount.get("source") or "")
    if mount.get("type") != "bind" or not source or "${" in source.replace("$$", ""):
        return None
    path = PurePosixPath(source.replace("$$", "$"))
    if not path.is_absolute():
        return path
    if work and path.is_relative_to(work) and path != PurePosixPath(work):
        first, *rest = path.relative_to(work).parts
        return PurePosixPath(*rest) if _WORKING_DIRECTORY.fullmatch(first) else PurePosixPath(first, *rest)
    return None


def mounts(model: Model, work: str) -> list[Mount]:
    """Return the mounts of the app's own directory that a stored file has; those above others come first."""
    found = [
        Mount(name, path, str(mount.get("target") or ""), not mount.get("read_only"))
        for name, service in model["services"].items()
        for mount in service.get("volumes") or []
        if (path := path_of(mount, work)) is not None
    ]
    return sorted(found, key=lambda one: len(one.path.parts))


def relative(mount: Model, path: PurePosixPath) -> Model:
    """Return a mount as it is stored."""
    shown = Mount("", path).shown
    return mount | {"source": shown.replace("$", "$$")}


def placed(model: Model, files: str, work: str) -> Model:
    """Return a stored file with the absolute paths of the app's own directory, `files`, for Docker Compose."""

    def at(mount: Model) -> Model:
        path = path_of(mount, work)
        return mount if path is None else mount | {"source": str(PurePosixPath(files, path)).replace("$", "$$")}

    return with_volumes(model, lambda name, mount: at(mount))


def with_volumes(model: Model, change: Any) -> Model:
    """Return a file with each service's mounts replaced by `change(service, mount)`."""
    services = {
        name: service | {"volumes": [change(name, one) for one in service["volumes"]]}
        if service.get("volumes")
        else service
        for name, service in model["services"].items()
    }
    return model | {"services": services}


def inside_writable(every: Iterable[Mount]) -> Iterator[Mount]:
    """Yield the mounts of a path inside another one that a container can write.

    That container could replace the path by a link, and Docker would mount what the link leads to: of the whole host.
    """
    every = list(every)
    above = {one.path for one in every if one.writable}
    for one in every:
        if any(one.path != path and one.path.is_relative_to(path) for path in above):
            yield one


def of_source(every: Iterable[Mount], contexts: Iterable[PurePosixPath]) -> list[Mount]:
    """Return the writable mounts of the whole repository, or of what an image is built from: `contexts`."""
    frozen = {PurePosixPath("."), *contexts}
    return [one for one in every if one.writable and any(context.is_relative_to(one.path) for context in frozen)]


def is_shared(path: PurePosixPath, writable: Iterable[PurePosixPath]) -> bool:
    """Return whether what lies at a path may come from a mount that a container writes."""
    return any(path.is_relative_to(one) for one in writable)
