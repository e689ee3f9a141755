"""The warnings of Docker Compose about a file, as names and keys. Pure.

Of its words nothing but a variable's name or a key of the file goes further: the rest may quote the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

MOST = 50  # names in one line of the event log
_WARNING = re.compile(r'level=warning msg="((?:[^"\\]|\\.)*)"')
_UNSET = re.compile(r'The "([A-Za-z_][A-Za-z0-9_]*)" variable is not set\.')
_OBSOLETE = re.compile(r"the attribute `([A-Za-z0-9_.-]+)` is obsolete")
_KEY = re.compile(r"((?:services|networks|volumes|configs|secrets|include)(?:\.[A-Za-z0-9_.-]+)?): ")

# It has none from us. A path with `~` is refused, in words of its own (tasks.compose.policy).
_NO_HOME = re.compile(r"cannot expand '~'")


@dataclass(frozen=True)
class Warned:
    """`unset`: variables without a value, `keys`: keys of the file, `others`: the number of other warnings."""

    unset: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    others: int = 0


def read(output: bytes) -> Warned:
    """Return what the error output of `docker compose config` warns of."""
    unset, keys, others = set(), set(), 0
    for escaped in _WARNING.findall(output.decode(errors="replace")):
        message = re.sub(r"\\(.)", r"\1", escaped)
        if match := _UNSET.match(message):
            unset.add(match[1])
        elif match := _OBSOLETE.search(message) or _KEY.match(message):
            keys.add(match[1])
        elif not _NO_HOME.match(message):
            others += 1
    return Warned(shortened(unset), shortened(keys), others)


def shortened(names: Iterable[str]) -> list[str]:
    """Return the names sorted, and an ellipsis in place of those beyond MOST."""
    found = sorted(set(names))
    return found if len(found) <= MOST else [*found[:MOST], "…"]
