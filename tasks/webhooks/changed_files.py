"""The files that a push changes, as its payload lists them, and whether a webhook is for them. Pure.

A list that may be incomplete counts as unknown, and unknown never keeps a push from being deployed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from tasks.webhooks.delivery import at, commit_of

MOST_FILES = 5_000
# A sender that leaves files of a commit out does not say so; none is known to list fewer than this.
MOST_OF_A_COMMIT = 300
LONGEST_PATH = 4096
LONGEST_PATTERN = 200
MOST_PATTERNS = 50
_KEYS = ("added", "modified", "removed")


def changed_files(data: dict[str, Any], most_commits: int, total: Any = None) -> frozenset[str] | None:
    """Return the files that a push of a branch changes; None if its payload may not have all of them.

    So it is for a new branch, a forced push, a list that was cut (`most_commits` or more, or not `total` of them), and
    for a push that changes no file: a commit without one asks for a deploy.
    """
    commits = data.get("commits")
    if not isinstance(commits, list) or not _are_all(data, commits, most_commits, total):
        return None
    found: list[Any] = []
    for commit in commits:
        files = _files_of(commit)
        if files is None:
            return None
        found += files
    is_whole = 0 < len(found) <= MOST_FILES and all(_is_path(one) for one in found)
    return frozenset(found) if is_whole else None


def _are_all(data: dict[str, Any], commits: list[Any], most: int, total: Any) -> bool:
    """Return whether these are the commits between what the branch was and what it is."""
    is_new = data.get("created") is True or commit_of(data.get("before")) is None
    is_cut = len(commits) >= most or total not in (None, len(commits))
    is_there = any(at(one, "id") == data.get("after") for one in commits)
    return is_there and not (is_new or is_cut or data.get("forced") is True)


def _files_of(commit: Any) -> list[Any] | None:
    """Return the files of a commit, None if it does not list them all. Gitea writes null for an empty list."""
    lists = [one for one in (at(commit, key) for key in _KEYS) if one is not None]
    if not lists or not all(isinstance(one, list) and len(one) <= MOST_OF_A_COMMIT for one in lists):
        return None
    return [file for one in lists for file in one]


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_PATH


def is_filter(pattern: str) -> bool:
    """Return whether a text can be a pattern of paths: relative, and nothing in it but a path, * and ?."""
    bare = pattern.removeprefix("!")
    return (
        len(bare) > 0
        and len(pattern) <= LONGEST_PATTERN
        and bare.isprintable()
        and bare.strip() == bare
        and not re.search(r"^[/!]|\\|[\[\]]|(?:^|/)\.{1,2}(?:/|$)|//", bare)
    )


def touches(patterns: Sequence[str], files: Iterable[str]) -> bool:
    """Return whether one of the files is meant. The last pattern that matches a file decides, ! excludes; with nothing
    but exclusions all other files are meant."""
    otherwise = all(one.startswith("!") for one in patterns)
    read = [(not one.startswith("!"), _segments(one.removeprefix("!"))) for one in patterns]

    def is_meant(file: str) -> bool:
        path = file.split("/")
        return next((wanted for wanted, segments in reversed(read) if _matches(segments, path)), otherwise)

    return any(is_meant(file) for file in files)


def _segments(pattern: str) -> list[str]:
    """Return the parts of a pattern. `docs/` is `docs/**`, and `**.js` is `**/*.js`."""
    parts = (f"{pattern}**" if pattern.endswith("/") else pattern).split("/")
    return [
        one for part in parts for one in (["**", part[1:]] if part.startswith("**") and part.strip("*") else [part])
    ]


def _matches(pattern: Sequence[str], path: Sequence[str]) -> bool:
    """Match segment by segment, going back to the last ** only: it takes any number of segments."""
    at_pattern = at_path = 0
    back: tuple[int, int] | None = None
    while at_path < len(path):
        if at_pattern < len(pattern) and pattern[at_pattern] == "**":
            back = (at_pattern, at_path)
            at_pattern += 1
        elif at_pattern < len(pattern) and fnmatchcase(path[at_path], pattern[at_pattern]):
            at_pattern, at_path = at_pattern + 1, at_path + 1
        elif back is not None:
            back = (back[0], back[1] + 1)
            at_pattern, at_path = back[0] + 1, back[1]
        else:
            return False
    return all(part == "**" for part in pattern[at_pattern:])
