"""Compose files in a checkout: what they may open there, and which of its files become part of the release.

A release must start again without its repository, so a file or a read-only directory that is mounted from the checkout
is copied into the stored file, as a config with its content. Only texts of modest size are. A directory that a
container may write belongs to the app instead: tasks.compose.own_files.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from tasks.compose.own_files import Mount, is_shared, relative, with_volumes

Model = dict[str, Any]
MOST_BYTES = 1_000_000  # of all copied files together
MOST_FILES = 300


def take_links_away(tree: Path) -> None:
    """Remove every link that leads out of a checkout: its target must not get into a release."""
    whole = os.path.realpath(tree)
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            path = Path(folder, name)
            if path.is_symlink() and not PurePosixPath(os.path.realpath(path)).is_relative_to(whole):
                path.unlink()


def lasting(
    model: Model, tree: Path, exists: Callable[[PurePosixPath], bool]
) -> tuple[Model, dict[PurePosixPath, Path], list[Mount]]:
    """Return the rendered file with relative paths for the mounts that belong to the app's own directory; those of its
    paths that the repository has, with their place in the checkout; and the mounts of files that nobody has brought.

    These are the directories that a container may write, with what other services read of them, and what the repository
    does not have. `exists` answers whether the app's own directory has a path.
    """
    root = os.path.realpath(tree)
    held: dict[PurePosixPath, Path] = {}
    missing: list[Mount] = []

    def where(mount: Model) -> PurePosixPath | None:
        source = str(mount.get("source") or "").replace("$$", "$")
        if mount.get("type") != "bind" or not source or not _is_inside(source, tree):
            return None
        path = PurePosixPath(os.path.relpath(os.path.realpath(source), root))
        return None if ".." in path.parts else path

    mounts = [(mount, path) for _, mount in _every_mount(model) if (path := where(mount)) is not None]
    written = {path for mount, path in mounts if not mount.get("read_only") and not (tree / path).is_file()}

    def stored(service: str, mount: Model) -> Model:
        path = where(mount)
        if path is None or (tree / path).is_file():
            return mount
        if (tree / path).is_dir():
            if path not in written:
                return mount
            held[path] = tree / path
        else:
            one = Mount(service, path, str(mount.get("target") or ""), not mount.get("read_only"))
            if not exists(path) and (one.looks_like_a_file or not is_shared(path, written)):
                missing.append(one)
        return relative(mount, path)

    return with_volumes(model, stored), held, missing


def _every_mount(model: Model) -> Iterator[tuple[str, Model]]:
    for name, service in model["services"].items():
        for mount in service.get("volumes") or []:
            yield name, mount


def copied(model: Model, tree: Path) -> tuple[Model, list[str]]:
    """Return the rendered file with the content of what it mounts from the checkout, and the obstacles: keys of mounts
    that are not text, too large, or missing."""
    room = _Room()
    configs = {name: dict(one or {}) for name, one in (model.get("configs") or {}).items()}
    refused = []
    for name, one in configs.items():
        if (path := one.get("file")) is not None and _is_inside(path, tree):
            content = room.content(Path(path))
            if content is None:
                refused.append(f"configs.{name}.file")
            else:
                configs[name] = {key: value for key, value in one.items() if key != "file"} | {"content": content}
    services = {}
    for name, service in model["services"].items():
        mounts = list(_mounted(service, tree))
        files = [(source, target) for mount in mounts for source, target in _files(mount)]
        contents = [(source, target, room.content(source)) for source, target in files]
        if any(content is None for *_, content in contents) or any(not list(_files(mount)) for mount in mounts):
            refused.append(f"{name}.volumes")
            services[name] = service
            continue
        uses = list(service.get("configs") or [])
        for source, target, content in contents:
            key = f"file_{hashlib.sha256(str(content).encode()).hexdigest()[:16]}"
            configs[key] = {"name": f"{model['name']}_{key}", "content": content}
            uses.append({"source": key, "target": target, "mode": _mode(source)})
        services[name] = _without_mounts(service, mounts) | ({"configs": uses} if uses else {})
    return model | {"services": services} | ({"configs": configs} if configs else {}), refused


class _Room:
    """The remaining budget for copies."""

    def __init__(self) -> None:
        self.bytes, self.files = MOST_BYTES, MOST_FILES

    def content(self, path: Path) -> str | None:
        """Return the text of a file as a compose file has it; None if it is not text, or no room is left."""
        try:
            raw = path.read_bytes() if path.stat().st_size <= self.bytes else None
            text = None if raw is None else raw.decode()
        except (OSError, UnicodeDecodeError):
            return None
        if raw is None or text is None or self.files == 0 or "\0" in text or not _is_text(str(path)):
            return None
        self.bytes -= len(raw)
        self.files -= 1
        return text.replace("$", "$$")


def _is_text(name: str) -> bool:
    """Return whether a name can be written in a compose file."""
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False


def _is_inside(path: str, tree: Path) -> bool:
    return PurePosixPath(path).is_relative_to(tree)


def _mounted(service: Model, tree: Path) -> Iterator[Model]:
    for mount in service.get("volumes") or []:
        if mount.get("type") == "bind" and _is_inside(mount.get("source") or "", tree):
            yield mount


def _files(mount: Model) -> Iterator[tuple[Path, str]]:
    """Yield (file of the checkout, its path in the container)."""
    source, target = Path(mount["source"]), PurePosixPath(mount["target"])
    if source.is_file():
        yield source, str(target)
    elif source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.is_file():
                yield path, str(target / path.relative_to(source))


def _mode(path: Path) -> str:
    return f"0{path.stat().st_mode & 0o755 | 0o444:o}"


def _without_mounts(service: Model, mounts: list[Model]) -> Model:
    rest = [mount for mount in service.get("volumes") or [] if mount not in mounts]
    kept = {key: value for key, value in service.items() if key != "volumes"}
    return kept | ({"volumes": rest} if rest else {})
