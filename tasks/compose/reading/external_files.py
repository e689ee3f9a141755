"""The other files that a compose file makes Docker Compose read, found in its YAML beforehand. Pure.

Docker Compose opens what `include`, `extends`, `env_file` and `label_file` name while it parses, and their content may
end up in the ledger. So these keys are found first, wherever they occur. This is no parser of compose files: it
understands only where a path is given, and refuses what it cannot be sure of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import PurePosixPath
from typing import Any

import yaml

from tasks.failures import translated

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Key -> the keys below it that hold paths; None: every string below it is one.
OPENS: dict[str, frozenset[str] | None] = {
    "include": None,
    "extends": frozenset({"file"}),
    "env_file": None,
    "label_file": None,
}
# Below these, users choose the names, which mean nothing: a variable may be called `include`.
_FREE_NAMES = frozenset({"environment", "labels", "args", "volumes", "networks", "configs", "secrets"})
_NO_PATHS = frozenset({"required", "format", "service"})
_FOLLOWED = frozenset({"include", "extends"})


class _Place(Enum):
    """The position of a mapping, which determines what its keys mean."""

    FILE = "the whole file"
    SERVICES = "names of services"
    NAMES = "other names"
    KEYS = "keys of the format"

    def below(self, key: str) -> _Place:
        """Return the position of a key's value. A merged value takes the position that it is merged into."""
        if key == "<<":
            return self
        if self is _Place.FILE and key == "services":
            return _Place.SERVICES
        return _Place.NAMES if self in _WITH_KEYS and key in _FREE_NAMES else _Place.KEYS


_WITH_KEYS = frozenset({_Place.FILE, _Place.KEYS})


class Unreadable(Exception):  # noqa: N818 - it names what happened
    """Not YAML, or YAML crafted to be misread. `line`: where it is no YAML, counted from 1; None when unknown."""

    def __init__(self, line: int | None = None) -> None:
        super().__init__()
        self.line = line


@dataclass(frozen=True)
class Opened:
    """A path that would be opened: the dotted key that names it, and the path as written.

    `part`: the key right above it (`path`, `env_file`, `project_directory`). `joined`: it is one of a list of files
    that are included as one. `required`, `as_is`: what an `env_file` says of it.
    """

    key: str
    path: str
    part: str = field(default="", compare=False)
    joined: bool = field(default=False, compare=False)
    required: bool = field(default=True, compare=False)
    as_is: bool = field(default=False, compare=False)

    @property
    def is_fixed(self) -> bool:
        """Whether it is a relative path without variables."""
        fixed = "$" not in self.path and ":" not in self.path and "\\" not in self.path
        return bool(self.path) and fixed and not PurePosixPath(self.path).is_absolute() and self.path[0] != "~"

    @property
    def is_plain(self) -> bool:
        """Whether it is a relative path without variables and `..`, and so unambiguous."""
        return self.is_fixed and ".." not in PurePosixPath(self.path).parts

    @property
    def is_followed(self) -> bool:
        """Whether it is a compose file, or a directory that another one's paths are relative to."""
        return self.key.rpartition(".")[2] in _FOLLOWED


def opened(text: str) -> list[Opened]:
    """Return the paths that a compose file makes Docker Compose open. Raises Unreadable."""
    return [one for document in documents(text) for one in _walked(document)]


def documents(text: str) -> list[Any]:
    """Return the YAML nodes of a compose file, document by document. Raises Unreadable."""
    line = None
    try:
        return list(yaml.compose_all(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
    except (yaml.YAMLError, RecursionError, ValueError):
        pass
    raise Unreadable(line)


def _walked(document: Any) -> list[Opened]:
    return translated(lambda: list(_walk(document)), RecursionError, ValueError, into=Unreadable())


def _walk(root: Any) -> Iterator[Opened]:
    """Yield from every node, once per kind of place that refers to it: an alias may put it where it means more."""
    waiting: list[tuple[tuple[str, ...], _Place, Any]] = [((), _Place.FILE, root)]
    seen: set[tuple[int, _Place]] = set()
    while waiting:
        path, place, node = waiting.pop()
        if node is None or (id(node), place) in seen:
            continue
        seen.add((id(node), place))
        if "binary" in str(node.tag):
            raise ValueError  # base64 text: `env_file` would be no key to us, but one to the program
        if isinstance(node, yaml.SequenceNode):
            waiting += [(path, place, one) for one in node.value]
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
                below = path if name == "<<" else (*path, name)  # the key that a person looks for has no merge in it
                if name in OPENS and _opens(name, place):
                    yield from _paths(_shown(below), name, value)
                waiting += [(below, place.below(name), value), (below, _Place.KEYS, key)]


def _opens(name: str, place: _Place) -> bool:
    return place is _Place.FILE if name == "include" else place in _WITH_KEYS


@dataclass(frozen=True)
class _Where:
    """How a node is reached from one of the keys of OPENS."""

    is_path: bool
    part: str
    joined: bool = False
    required: bool = True
    as_is: bool = False

    def of(self, value: Any) -> _Where:
        """Return how the values of a mapping are reached."""
        said = {str(getattr(key, "value", "")): str(getattr(one, "value", "")).lower() for key, one in value}
        return replace(self, required=said.get("required") != "false", as_is=said.get("format") == "raw")


def _paths(key: str, name: str, node: Any) -> Iterator[Opened]:
    keys = OPENS[name]
    waiting: list[tuple[Any, _Where]] = [(node, _Where(keys is None, name))]
    seen: set[tuple[int, _Where]] = set()
    while waiting:
        one, where = waiting.pop()
        if (id(one), where) in seen:
            continue
        seen.add((id(one), where))
        match one:
            case yaml.ScalarNode() if where.is_path:
                yield Opened(key, str(one.value), where.part, where.joined, where.required, where.as_is)
            case yaml.SequenceNode():
                listed = replace(where, joined=where.part == "path")
                waiting += [(inner, listed) for inner in one.value]
            case yaml.MappingNode():
                inside = where.of(one.value) if where.part == "env_file" else where
                for inner, value in one.value:
                    below = str(getattr(inner, "value", ""))
                    is_path = below in keys if keys and below != "<<" else where.is_path and below not in _NO_PATHS
                    part = "env_file" if name == "env_file" else where.part if below == "<<" else below
                    waiting.append((value, replace(inside, is_path=is_path, part=part)))


def _shown(path: tuple[str, ...]) -> str:
    inner = path[1:] if path[:1] == ("services",) else path
    return ".".join(inner)
