"""What became of each setting of an adopted container. Pure.

A note names a key and never a value, which may be a secret.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Fate(StrEnum):
    """What becomes of a setting."""

    MAPPED = "mapped"  # the spec says the same
    DROPPED = "dropped"  # bookkeeping of another tool, which means nothing without that tool
    NOT_EXPRESSIBLE = "not expressible"  # the first deploy of Backstay's own changes it


@dataclass(frozen=True)
class Note:
    """One setting, by its key in `docker inspect` or `docker run`; `into`: the key of the spec, or what happens."""

    key: str
    fate: Fate
    into: str
    service: str = ""

    @property
    def full_key(self) -> str:
        """The key, with the service of a project."""
        return f"{self.service}.{self.key}" if self.service else self.key


@dataclass
class Notes:
    """The notes of a container while it is mapped."""

    service: str = ""
    all: list[Note] = field(default_factory=list)

    def mapped(self, key: str, into: str) -> None:
        """Note a setting that the spec has."""
        self.all.append(Note(key, Fate.MAPPED, into, self.service))

    def dropped(self, key: str, why: str) -> None:
        """Note bookkeeping that is left out."""
        self.all.append(Note(key, Fate.DROPPED, why, self.service))

    def lost(self, key: str, what: str) -> None:
        """Note a setting that a spec cannot express, and what the first own deploy does instead."""
        self.all.append(Note(key, Fate.NOT_EXPRESSIBLE, what, self.service))


def lost_keys(notes: list[Note]) -> list[str]:
    """Return the keys that the first own deploy changes, in order, each once."""
    return list(dict.fromkeys(one.full_key for one in notes if one.fate is Fate.NOT_EXPRESSIBLE))


def share_mapped(notes: list[Note]) -> float:
    """Return the share of the settings that the spec has, bookkeeping not counted; 1 when there are none."""
    settings = [one for one in notes if one.fate is not Fate.DROPPED]
    return sum(one.fate is Fate.MAPPED for one in settings) / len(settings) if settings else 1.0
