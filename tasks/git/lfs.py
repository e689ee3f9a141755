"""Git LFS pointers in a checkout: small texts in the place of files whose content is not in the repository."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

# https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md: less than 1024 bytes, and this is the first line.
_BEGIN = b"version https://git-lfs.github.com/spec/v1\n"
_LARGEST = 1024


def is_pointer(path: Path) -> bool:
    """Return whether a file is a pointer; links are not followed."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or not len(_BEGIN) < status.st_size < _LARGEST:
            return False
        return path.read_bytes().startswith(_BEGIN)
    except OSError:
        return False


def pointers(tree: Path, places: Iterable[Path]) -> list[str]:
    """Return the pointers among files, and in directories, of a checkout: paths in it, in order, each once."""
    found = {file for place in places for file in _files(place) if is_pointer(file)}
    return sorted(os.path.relpath(file, tree) for file in found)


def _files(place: Path) -> Iterator[Path]:
    if not place.is_dir() or place.is_symlink():
        yield place
        return
    for folder, _, names in os.walk(place):
        for name in names:
            yield Path(folder, name)
