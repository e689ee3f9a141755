"""Submodules as a repository names them: their paths, and the addresses that they may be fetched from. Pure.

A repository's content chooses these addresses, so less is allowed than for the address in a spec: no file of this
machine, and never with the credentials of another host.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from tasks.sources.addresses import parse_address

_LINE = re.compile(r"submodule\.(?P<name>.*)\.(?P<key>path|url)\n(?P<value>.*)", re.DOTALL)
NEVER = frozenset({"file"})


@dataclass(frozen=True)
class Link:
    """A submodule: its path in the repository, and its commit."""

    path: str
    commit: str


def addresses(listed: str) -> dict[str, str]:
    """Return path -> address as written, from the output of `git config -z --get-regexp` for .gitmodules."""
    found: dict[str, dict[str, str]] = {}
    for entry in listed.split("\0"):
        if match := _LINE.fullmatch(entry):
            found.setdefault(match["name"], {})[match["key"]] = match["value"]
    return {one["path"].rstrip("/"): one["url"] for one in found.values() if one.keys() == {"path", "url"}}


def allowed(parent: str, written: Mapping[str, str], link: Link, protocols: tuple[str, ...]) -> str | None:
    """Return the address of a submodule; None if there is none, or it may not be fetched."""
    url = written.get(link.path)
    whole = None if url is None else absolute(parent, url)
    address = parse_address(whole) if whole else None
    if address is None or address.protocol in NEVER or address.protocol not in protocols or not is_inside(link.path):
        return None
    return whole


def absolute(parent: str, url: str) -> str:
    """Return an address that may be relative to that of the repository, as git resolves it."""
    if not url.startswith(("./", "../")):
        return url
    base = parent.rstrip("/")
    while url.startswith(("./", "../")):
        step, _, url = url.partition("/")
        if step == "..":
            cut = base.rpartition("/")[0] if "/" in base else base.rpartition(":")[0] + ":"
            base = cut
    return f"{base}{'' if base.endswith(':') else '/'}{url}"


def is_inside(path: str) -> bool:
    """Return whether a path in a tree stays in it, and is none of git's own."""
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and not any(part in {"..", "."} or _is_gits(part) for part in parts)


def _is_gits(part: str) -> bool:
    return part.lower() == ".git"
