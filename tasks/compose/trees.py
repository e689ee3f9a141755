"""Copies of directories and fingerprints of them. Links are copied as links and never followed."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

NOTHING = ""  # the fingerprint of a directory without content
# Files that only make git keep a directory.
_PLACEHOLDERS = frozenset({".gitkeep", ".keep", ".gitignore"})


def copy_tree(source: Path, target: Path) -> None:
    """Copy a directory, readable by everyone whatever our umask is: the program in a container may be another user.
    What is neither file, directory nor link is left out."""
    target.mkdir()
    target.chmod(0o755)
    for path, mode in _entries(source):
        copy = target / path.relative_to(source)
        if stat.S_ISLNK(mode):
            copy.symlink_to(path.readlink())
        elif stat.S_ISDIR(mode):
            copy.mkdir()
            copy.chmod(0o755)
        elif stat.S_ISREG(mode):
            shutil.copyfile(path, copy, follow_symlinks=False)
            copy.chmod(0o755 if mode & 0o100 else 0o644)


def fingerprint(directory: Path) -> str:
    """Return a hash of names, kinds, contents and the executable bit; NOTHING for empty files that keep a directory."""
    digest, is_empty = hashlib.sha256(), True
    for path, mode in _entries(directory):
        name = os.fsencode(path.relative_to(directory))
        if stat.S_ISLNK(mode):
            kind, content = b"l", os.fsencode(path.readlink())
        elif stat.S_ISDIR(mode):
            kind, content = b"d", b""
        elif stat.S_ISREG(mode):
            kind, content = (b"x" if mode & 0o100 else b"f"), _hash(path)
        else:
            kind, content = b"?", b""
        is_empty = is_empty and (stat.S_ISDIR(mode) or path.name in _PLACEHOLDERS)
        digest.update(b"%s %d %s %d %s" % (kind, len(name), name, len(content), content))
    return NOTHING if is_empty else digest.hexdigest()


def _entries(directory: Path) -> Iterator[tuple[Path, int]]:
    """Yield each path below a directory with its mode, directories before what is in them, in a fixed order."""
    waiting = _listed(directory)
    while waiting:
        path = waiting.pop()
        mode = path.lstat().st_mode
        yield path, mode
        if stat.S_ISDIR(mode):
            waiting += _listed(path)


def _listed(directory: Path) -> list[Path]:
    return sorted(directory.iterdir(), reverse=True)


def _hash(path: Path) -> bytes:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").digest()
