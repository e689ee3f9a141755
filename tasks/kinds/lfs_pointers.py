"""A warning about Git LFS pointers among the files that a deploy uses: Backstay does not fetch what they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from db.messages.events import tell
from tasks.git import lfs
from tasks.images.build_context import sent_files
from tasks.job import Job


def note(job: Job, tree: Path, places: Iterable[Path]) -> None:
    """Note how many of these files, and of those in these directories, are pointers, and the first of them."""
    if found := lfs.pointers(tree, places):
        told = tell("lfs_pointers", version=job.deploy.version, path=found[0], count=len(found))
        job.notes += [told] if told not in job.notes else []


def used_by(model: dict[str, Any], tree: Path) -> Iterator[Path]:
    """Yield what a rendered compose file uses of a checkout: what it mounts, its configs and secrets, and the files
    that its images are built from."""
    for service in model["services"].values():
        for mount in service.get("volumes") or []:
            if mount.get("type") == "bind":
                yield from _inside(mount.get("source"), tree)
        build = service.get("build") or {}
        for context in _inside(build.get("context"), tree):
            if context.is_dir():
                yield from sent_files(context, str(build.get("dockerfile") or "Dockerfile"))
    for part in ("configs", "secrets"):
        for one in (model.get(part) or {}).values():
            yield from _inside((one or {}).get("file"), tree)


def _inside(path: Any, tree: Path) -> Iterator[Path]:
    place = Path(str(path or "/").replace("$$", "$"))
    if place.is_relative_to(tree):
        yield place
