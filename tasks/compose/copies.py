"""What was copied from a repository to an app's own directory: a file per workload in HOME/files/.copies.

Path -> fingerprint of what was copied, and of the content that a person was last told of. It is written before the copy
gets its name, so a path without its directory belongs to a copy that was interrupted.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from db.settings import Settings

DIRECTORY = ".copies"  # no workload is called so
Copies = dict[str, list[str]]


def file_of(settings: Settings, workload: str) -> Path:
    """Return the file of a workload."""
    return settings.files / DIRECTORY / f"{workload}.json"


def read(settings: Settings, workload: str) -> Copies:
    """Return what was copied; nothing if the file is missing or damaged: copies are then left as they are."""
    try:
        found: Copies = json.loads(file_of(settings, workload).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found


def write(settings: Settings, workload: str, copies: Copies) -> None:
    """Replace what is recorded. Raises OSError."""
    file = file_of(settings, workload)
    settings.files.mkdir(mode=0o700, exist_ok=True)
    file.parent.mkdir(mode=0o700, exist_ok=True)
    draft = file.with_suffix(".draft")
    with draft.open("w") as output:
        json.dump(copies, output)
        output.flush()
        os.fsync(output.fileno())
    draft.replace(file)
