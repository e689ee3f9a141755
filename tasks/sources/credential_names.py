"""The names under which credentials of git servers are stored: a host, or a path on it, as host/owner/repository. Pure.

Credentials of a path are for all repositories below it, and the most specific ones are used. Letter case does not
count.
"""

from __future__ import annotations

import re

from tasks.sources.addresses import Address, parse_address

_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,250}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
_SEGMENT = r"[A-Za-z0-9_~+-][A-Za-z0-9._~+-]*"
NAME = rf"^{_HOST}(?:/{_SEGMENT})*/?$"
LONGEST = 255
_NAME = re.compile(NAME)


def normal(text: str) -> str | None:
    """Return a name as it is stored; None for what is none."""
    if len(text) > LONGEST or not _NAME.fullmatch(text):
        return None
    host, _, path = text.lower().partition("/")
    parts = _parts(path)
    return "/".join([host, *parts])


def names_for(address: Address) -> list[str]:
    """Return the names whose credentials fit an address, the most specific first; none for a file.

    A path that a server could read as another one (`..`, `%2e`) has those of its host only.
    """
    if not address.host:
        return []
    parts = _parts(address.path.lower())
    if not all(re.fullmatch(_SEGMENT, part) for part in parts):
        parts = []
    return ["/".join([address.host, *parts[:length]]) for length in range(len(parts), -1, -1)]


def names_for_part(main: str, part: str) -> list[str]:
    """Return the names whose credentials may be used for a submodule (or `main` itself), the most specific first.

    The content of a repository chooses the addresses of its submodules, so it gets at nothing that is stored for
    another owner: only at what is stored for the host, and for paths of the owner of `main`.
    """
    ours, theirs = parse_address(main), parse_address(part)
    if ours is None or theirs is None or ours.host != theirs.host:
        return []
    names = names_for(theirs)
    if _owner(ours) == _owner(theirs):
        return names
    return [name for name in names if name in names_for(ours)]


def _parts(path: str) -> list[str]:
    """Return the segments of a path, without the `.git` at its end."""
    bare = path.strip("/")
    bare = bare.removesuffix("/.git") if bare.endswith("/.git") else bare.removesuffix(".git")
    return bare.split("/") if bare else []


def _owner(address: Address) -> str:
    parts = _parts(address.path.lower())
    return parts[0] if len(parts) > 1 else ""
