"""Secrets of a compose file that are files: their content, encrypted, as a part of the release.

`secrets: {pw: {file: pw.txt}}` becomes `secrets: {pw: {environment: NAME}}` with a name of ours, and the stored file
has NAME -> its content, encrypted with the key of the vault. So a rollback finds it without the repository, and no copy
of the ledger reveals it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from db import releases
from tasks.context import Context

Model = dict[str, Any]
MOST_BYTES = 64_000  # of one file: the kernel bounds a variable to 128 kB
MOST_OF_ALL = 500_000


@dataclass(frozen=True)
class Sealed:
    """A rendered file without secrets that are files of the checkout. `unusable`: keys of those that are no text of a
    modest size."""

    model: Model
    unusable: list[str] = field(default_factory=list)


def seal(context: Context, model: Model, tree: Path, before: Mapping[str, str]) -> Sealed:
    """Take the content of secrets that are files below `tree` into the file. `before`: what the live release has
    sealed: the same content keeps its text, so that the same file is the same release."""
    secrets, sealed, unusable = dict(model.get("secrets") or {}), dict[str, str](), list[str]()
    left = MOST_OF_ALL
    for name, one in secrets.items():
        path = (one or {}).get("file")
        if path is None or not PurePosixPath(path).is_relative_to(tree):
            continue
        content = _content(Path(path.replace("$$", "$")), tree, min(left, MOST_BYTES))
        if content is None:
            unusable.append(f"secrets.{name}.file")
            continue
        left -= len(content.encode())
        variable = _name(context.vault.fingerprint_key, content)
        context.redactor.learn([content])
        sealed[variable] = before.get(variable) or context.vault.lock(content)
        secrets[name] = {key: value for key, value in one.items() if key != "file"} | {"environment": variable}
    if not sealed:
        return Sealed(model, unusable)
    return Sealed(model | {"secrets": secrets, releases.SEALED: sealed}, unusable)


def of(stored: Model | None) -> dict[str, str]:
    """Return NAME -> encrypted content of a stored file."""
    return releases.sealed(stored or {})


def opened(context: Context, stored: Model) -> dict[str, str]:
    """Return NAME -> content of a stored file, and register it with the redactor. Raises SecretUnreadable."""
    return context.unlocked(of(stored))


def without(stored: Model) -> Model:
    """Return a stored file without what is encrypted, for Docker Compose."""
    return {key: value for key, value in stored.items() if key != releases.SEALED}


def nowhere(model: Model, what: str, folder: Path) -> list[str]:
    """Return the keys of `configs` or `secrets` whose content is nowhere: a file of `folder` or of the host that does
    not exist, or one that Docker Swarm would have. Whatever is allowed, they would fail at the start."""
    found = []
    for name, one in (model.get(what) or {}).items():
        given = one or {}
        path = str(given.get("file") or "").replace("$$", "$")
        if given.get("external"):
            found.append(f"{what}.{name}.external")
        elif path and "${" not in path and not _is_there(path, folder):
            found.append(f"{what}.{name}.file")
    return found


def _is_there(path: str, folder: Path) -> bool:
    # A file of the folder is found here; of another one only whether it is there is known to whoever may allow it.
    return Path(path).is_file() and (not PurePosixPath(path).is_relative_to(folder) or _is_inside(Path(path), folder))


def _is_inside(path: Path, tree: Path) -> bool:
    return PurePosixPath(os.path.realpath(path)).is_relative_to(os.path.realpath(tree))


def _content(path: Path, tree: Path, most: int) -> str | None:
    """Return the text of a file; None for what is no text, is too large or lies behind a link that leads out."""
    try:
        if not path.is_file() or not _is_inside(path, tree) or path.stat().st_size > most:
            return None
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None
    return None if "\0" in text or not text else text


def _name(key: bytes, content: str) -> str:
    return f"BACKSTAY_FILE_{hmac.new(key, content.encode(), hashlib.sha256).hexdigest()[:24]}"
