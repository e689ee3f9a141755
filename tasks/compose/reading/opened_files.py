"""The files of a checkout that its compose files make Docker Compose open: which may be, and where they lie.

A path is relative to the directory of the project, of the file that has it, or to what an include says. Where it cannot
be known which of them, each is tried: reading too much does no harm, and a path has to stay inside from all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from tasks.compose.reading.external_files import Opened, Unreadable, opened
from tasks.failures import translated
from tasks.sources.compose import LONGEST_TEXT

MOST_COMPOSE_FILES = 100
MOST_NAMES = 300  # of files that compose files include or extend
MOST_OPENED = 5000  # paths in all of them


@dataclass(frozen=True)
class EnvFile:
    """A file of variables: the key that names it, and where it may lie, relative to the checkout.

    `as_is`: its values are taken as they stand, without quotes and variables.
    """

    key: str
    path: str
    places: tuple[PurePosixPath, ...]
    required: bool = True
    as_is: bool = False


@dataclass(frozen=True)
class Examined:
    """The keys under which something outside would be opened, and the files of variables inside."""

    outside: list[str]
    env_files: list[EnvFile]


def examine(tree: Path, files: Iterable[str]) -> Examined:
    """Examine compose files of a checkout and those that they include or extend. Raises Unreadable."""
    given = [PurePosixPath(os.path.normpath(file)) for file in files]
    found = _Found(tree, given)
    seen: list[tuple[PurePosixPath, Opened]] = []
    for path in found:
        for one in opened(_text(tree / path)):
            if len(seen) >= MOST_OPENED:
                raise Unreadable
            seen.append((path, one))
            if one.is_followed and one.is_fixed:
                found.follow(path, one)
    outside: list[str] = []
    env_files: list[EnvFile] = []
    for path, one in seen:
        bases = found.bases(path)
        if not one.is_plain and not _stays_inside(tree, one, bases):
            outside.append(one.key)
        elif one.part == "env_file":
            places = dict.fromkeys(PurePosixPath(os.path.normpath(base / one.path)) for base in bases)
            env_files.append(EnvFile(one.key, one.path, tuple(places), one.required, one.as_is))
    return Examined(list(dict.fromkeys(outside)), env_files)


def of_text(text: str) -> Examined:
    """Examine a text, beside which there is nothing: it may name plain files of variables. Raises Unreadable."""
    every = opened(text)
    fine = [one for one in every if one.is_plain and one.part == "env_file" and one.key != "include"]
    env_files = [EnvFile(o.key, o.path, (PurePosixPath(o.path),), o.required, o.as_is) for o in fine]
    return Examined(list(dict.fromkeys(one.key for one in every if one not in fine)), env_files)


class _Found:
    """The files of a checkout that compose files name, each once; `follow` may add names during the iteration."""

    def __init__(self, tree: Path, given: list[PurePosixPath]) -> None:
        self._tree = tree
        self._given, self._project = given, given[0].parent
        self._files = [path for path in given if (tree / path).is_file()]  # Docker Compose reports the missing ones
        self._folders = {path.parent for path in given}
        self._tried: set[tuple[PurePosixPath, str]] = set()
        self._names: set[str] = set()
        # Of includes that may say where paths begin: the names of their files, and of what paths begin at.
        self._moved: set[str] = set()
        self._moving: set[str] = set()

    def __iter__(self) -> Iterator[PurePosixPath]:
        """Yield each file. Raises Unreadable when there are too many."""
        at = 0
        while at < len(self._files) or self._look_further():
            if at >= MOST_COMPOSE_FILES or len(self._folders) > MOST_NAMES or len(self._names) > MOST_NAMES:
                raise Unreadable
            yield self._files[at]
            at += 1

    def follow(self, path: PurePosixPath, one: Opened) -> None:
        """Look for what a file includes or extends, and for the directory that its paths shall be relative to."""
        self._names.add(one.path)
        if one.part == "project_directory":
            self._moving.add(one.path)
        elif one.part == "path":
            self._moved.add(one.path)
            self._moving |= {str(PurePosixPath(one.path).parent)} if one.joined else set()

    def bases(self, path: PurePosixPath) -> set[PurePosixPath]:
        """Return the directories that paths in a file may be relative to. To be asked after the iteration."""
        own = {self._project, path.parent} if path in self._given else {path.parent}
        return own | self._new_bases if path in self._with_new_bases else own

    @cached_property
    def _with_new_bases(self) -> set[PurePosixPath]:
        return self._places(self._moved)

    @cached_property
    def _new_bases(self) -> set[PurePosixPath]:
        return {place for place in self._places(self._moving) if (self._tree / place).is_dir()}

    def _places(self, names: Iterable[str]) -> set[PurePosixPath]:
        return {PurePosixPath(os.path.normpath(folder / name)) for folder in self._folders for name in names}

    def _look_further(self) -> bool:
        """Try every name in every directory; return whether a new file was found."""
        before = len(self._files)
        while new := {(folder, name) for folder in self._folders for name in self._names} - self._tried:
            self._tried |= new
            for place in sorted({os.path.normpath(folder / name) for folder, name in new}):
                path = PurePosixPath(place)
                if ".." in path.parts or path in self._files:
                    continue
                if (self._tree / path).is_file():
                    self._files.append(path)
                    self._folders.add(path.parent)
                elif (self._tree / path).is_dir():  # the `project_directory` of an include
                    self._folders.add(path)
        return len(self._files) > before


def _stays_inside(tree: Path, one: Opened, bases: Iterable[PurePosixPath]) -> bool:
    """Return whether a path with `..` stays in the checkout, whichever base directory it is relative to, also where a
    link comes before the `..`."""
    if not one.is_fixed:
        return False
    places = [PurePosixPath(os.path.normpath(base / one.path)) for base in bases]
    if not places or any(".." in place.parts for place in places):
        return False
    whole = PurePosixPath(os.path.realpath(tree))
    return all(PurePosixPath(os.path.realpath(tree / base / one.path)).is_relative_to(whole) for base in bases)


def _text(path: Path) -> str:
    """Return the text of a file. Raises Unreadable unless it is UTF-8: Docker Compose reads UTF-16 as well."""

    def read() -> str:
        if path.stat().st_size > LONGEST_TEXT:
            raise ValueError
        return path.read_text(encoding="utf-8")

    return translated(read, OSError, ValueError, into=Unreadable())
