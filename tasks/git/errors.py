"""The meaning of git's output. Pure.

git exits with the same code for nearly every error of a server, so its messages (in the C locale) are the only
evidence. They become one of our codes; the messages themselves go to the log.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import IO

from db.states import ErrorCode
from tasks.git.commands import names_of
from tasks.git.module_addresses import Link

_LINE = re.compile(r"^([0-9a-f]{40}|[0-9a-f]{64})\t(\S+)$", re.MULTILINE)
_SYMREF = re.compile(r"^ref: refs/heads/(\S+)\tHEAD$", re.MULTILINE)
_REFUSED = re.compile(
    r"authentication failed|could not read (username|password)|terminal prompts disabled|permission denied \("
    r"|access denied|returned error: 40[13]|invalid (username|credentials)|invalid format|error in libcrypto",
    re.IGNORECASE,
)
_NOT_THERE = re.compile(
    r"not our ref|couldn't find remote ref|unadvertised object|no such remote ref|missing necessary objects",
    re.IGNORECASE,
)

_HIDDEN = re.compile(r"repository\b.*\bnot found|project you were looking for could not be found", re.IGNORECASE)
_PART = 1 << 20
_LINK = b"160000 "
_NAMES_ONLY = "unadvertised object"
_OTHER_KEY = re.compile(r"host key verification failed|remote host identification has changed", re.IGNORECASE)


def commit_of(listed: str, ref: str) -> str | None:
    """Return the commit of a ref in the output of `ls-remote`; a tag object counts as its target."""
    found = {name: commit for commit, name in _LINE.findall(listed)}
    return next((found[name] for name in names_of(ref) if name in found), None)


def branch_of_head(listed: str) -> str | None:
    """Return the branch that HEAD stands for in the output of `ls-remote --symref`; None when the server's is none."""
    match = _SYMREF.search(listed)
    return match[1] if match else None


def error_code_for(stderr: str) -> ErrorCode:
    """Return the code for a failed exchange with a server."""
    if _OTHER_KEY.search(stderr):
        return ErrorCode.HOST_KEY_CHANGED
    if _REFUSED.search(stderr):
        return ErrorCode.AUTH_REQUIRED
    if _NOT_THERE.search(stderr):
        return ErrorCode.REFERENCE_NOT_FOUND
    return ErrorCode.SOURCE_UNAVAILABLE


def may_be_login(stderr: str) -> bool:
    """Return whether a server refused the login, or says that there is no such repository: many say that to whoever may
    not see it."""
    return error_code_for(stderr) is ErrorCode.AUTH_REQUIRED or _HIDDEN.search(stderr) is not None


def gives_names_only(stderr: str) -> bool:
    """Return whether a server refused a commit because no branch or tag points to it, whether it exists or not."""
    return _NAMES_ONLY in stderr.lower()


@dataclass
class Listed:
    """The contents of a commit: bytes of all files, its submodules, and the bytes of the file that names those."""

    size: int = 0
    links: list[Link] = field(default_factory=list)
    names_size: int = 0


def listed(entries: IO[bytes], most_links: int) -> Listed:
    """Read the output of `ls-tree -l -z`; a submodule has no size. Of many submodules the first `most_links`."""
    found, begun = Listed(), b""
    while part := entries.read(_PART):
        *whole, begun = (begun + part).split(b"\0")
        found.size += sum(map(_size_of, whole))
        for entry in whole:
            if entry.startswith(_LINK) and len(found.links) < most_links:
                facts, _, path = entry.partition(b"\t")
                found.links.append(Link(path.decode(errors="replace"), facts.split()[2].decode()))
            elif entry.endswith(b"\t.gitmodules"):
                found.names_size = _size_of(entry)
    return found


def _size_of(entry: bytes) -> int:
    size = entry.split(b"\t")[0].split()[-1]
    return int(size) if size.isdigit() else 0
