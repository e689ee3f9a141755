"""The `.env` that services name under `env_file`: written from the spec while Docker Compose reads the file.

It holds names and no values (tasks.compose.variables), and is gone, or as it was, before anything else looks at the
directory. What a repository has there comes first, so a value of the spec wins.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath

from tasks.compose.reading.opened_files import EnvFile
from tasks.compose.variables import passed_on

WRITTEN = frozenset({".env", "stack.env"})  # as people and their tools call it


@contextmanager
def provided(tree: Path, env_files: Iterable[EnvFile], names: Iterable[str]) -> Iterator[None]:
    """Have these variables in every such file below `tree` during the block. `tree` has no link that leads out of it.

    A file whose values are taken as they stand is left alone: names would be values there.
    """
    every = list(env_files)
    as_is = {place for one in every if one.as_is for place in one.places}
    places = {place for one in every if PurePosixPath(one.path).name in WRITTEN for place in one.places} - as_is
    text = passed_on(names).encode()
    with ExitStack() as undo:
        for place in sorted(places):
            undo.enter_context(_appended(tree, tree / place, text))
        yield


def missing(tree: Path, env_files: Iterable[EnvFile]) -> Sequence[EnvFile]:
    """Return the files that must be there and are not."""
    return [one for one in env_files if one.required and not any((tree / place).exists() for place in one.places)]


@contextmanager
def _appended(tree: Path, path: Path, text: bytes) -> Iterator[None]:
    """Append text to a file during the block; one that is missing exists during the block only."""
    created = [above for above in [path, *path.parents] if above.is_relative_to(tree) and not os.path.lexists(above)]
    size = None
    try:
        with suppress(OSError):  # a directory, or a link that leads nowhere: Docker Compose says so
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                size = os.fstat(file.fileno()).st_size
                file.write(b"\n" + text if size else text)
        yield
    finally:
        for one in created:
            with suppress(OSError):
                one.rmdir() if one.is_dir() else one.unlink()
        if not created and size is not None:
            os.truncate(path, size)
