"""Inits that images bring: programs that must be, or are made to be, process 1 of their container. Pure.

They are known by name. One that a script starts later cannot be seen; for that the spec has a key.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

# Wherever they lie, as the first word.
_NAMES = frozenset(
    {
        *("tini", "tini-static", "dumb-init", "catatonit", "docker-init", "my_init", "s6-svscan", "systemd"),
        *("runit-init", "openrc-init", "dinit"),
    }
)
# As any word: an entry script often gets the init as its argument.
_PATHS = frozenset(
    {
        *("/init", "/sbin/init", "/usr/sbin/init", "/bin/init", "/sbin/my_init"),
        *("/lib/systemd/systemd", "/usr/lib/systemd/systemd", "/bin/systemd", "/usr/bin/systemd"),
    }
)
_SHELLS = frozenset({"sh", "bash", "ash", "dash"})


def brings_an_init(words: Sequence[str]) -> bool:
    """Return whether a command line, entry point and command together, starts an init."""
    if len(words) > 2 and PurePosixPath(words[0]).name in _SHELLS and words[1] == "-c":
        written = words[2].split()
        return brings_an_init(written[written[:1] == ["exec"] :][:1])
    return bool(words) and (PurePosixPath(words[0]).name in _NAMES or not _PATHS.isdisjoint(words))
