"""Addresses of git repositories, refs and paths inside a repository: what is accepted, and which credentials apply.

Pure. An address never carries a secret: `user:password@` is refused, credentials are stored by host. Which of the
protocols an installation allows is decided in tasks.sources.permitted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field

from db.messages.key_problems import KeyProblem
from tasks.sources.invalid_spec import wrong

# The ref of a source that names none: the server's default branch. Its webhooks wait for the same.
DEFAULT_REF = "HEAD"
_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?"
_HOST = rf"(?:{_NAME}|\[[0-9a-fA-F:.]{{2,45}}\])"
_PATH = r"/[A-Za-z0-9._~!$'()*+,;=:@%/-]+"
_URL = re.compile(
    rf"(?P<protocol>https?|ssh)://(?:(?P<user>[^@/]*)@)?(?P<host>{_HOST})(?::(?P<port>[0-9]{{1,5}}))?(?P<path>{_PATH})"
)
# The same for the description of the API, whose patterns have no named groups, and without credentials.
_ANYWHERE = rf"{_HOST}(?::[0-9]{{1,5}})?{_PATH}"
_PATTERN = (
    rf"^(?:https?://{_ANYWHERE}|ssh://(?:{_NAME}@)?{_ANYWHERE}|file:///[^\x00-\x1f\x7f?#]+"
    rf"|{_NAME}@{_HOST}:(?:[A-Za-z0-9_~.][A-Za-z0-9._~+/-]*|/(?:[A-Za-z0-9._~+-][A-Za-z0-9._~+/-]*)?))$"
)
_FILE = re.compile(r"(?P<protocol>file)://(?P<path>/[^\x00-\x1f\x7f?#]+)")
_SCP = re.compile(rf"(?P<user>{_NAME})@(?P<host>{_HOST}):(?!/{{2}})(?P<path>[A-Za-z0-9_~/.][A-Za-z0-9._~+/-]*)")
# What `git check-ref-format` accepts, and no leading hyphen, which a program could take for an option.
_BAD_REF = re.compile(r"^[-/]|[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{|/\.|^\.|\.lock(/|$)|[./]$|^@$")
_OUTSIDE = r"^[/-]|\\|(?:^|/)\.\.(?:/|$)|(?:^|/)\.[gG][iI][tT](?:/|$)"
COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True)
class Address:
    """`host` has the port when one is given, as credentials are stored; empty for a file. `user` is for ssh alone."""

    protocol: str
    host: str
    path: str
    user: str | None = None


def parse_address(text: str) -> Address | None:
    """Parse https://host/path, ssh://user@host/path, user@host:path or file:///path; return None for anything else."""
    if match := _FILE.fullmatch(text):
        return Address("file", "", match["path"])
    if match := _URL.fullmatch(text):
        host = match["host"].lower() + (f":{match['port']}" if match["port"] else "")
        if match["protocol"] == "ssh" and match["user"] is not None and not re.fullmatch(_NAME, match["user"]):
            return None
        if match["protocol"] != "ssh" and match["user"] is not None:
            return None
        return Address(match["protocol"], host, match["path"], match["user"])
    if match := _SCP.fullmatch(text):
        return Address("ssh", match["host"].lower(), match["path"], match["user"])
    return None


def is_commit(ref: str) -> bool:
    """Return whether a ref is the full name of a commit."""
    return COMMIT.fullmatch(ref) is not None


def _address(value: str) -> str:
    if re.match(r"[a-z]+://[^/]*@", value) and parse_address(value) is None:
        raise wrong(KeyProblem.HAS_CREDENTIALS)
    if parse_address(value) is None:
        raise wrong(KeyProblem.NOT_A_REPOSITORY)
    return value


def _ref(value: str) -> str:
    if _BAD_REF.search(value):
        raise wrong(KeyProblem.NOT_A_REF)
    return value


def _inside(value: str) -> str:
    parts = value.split("/")
    if value.startswith(("/", "-")) or "\\" in value or ".." in parts or ".git" in [part.lower() for part in parts]:
        raise wrong(KeyProblem.NOT_INSIDE)
    if not value.isprintable():
        raise wrong(KeyProblem.NOT_INSIDE)
    return value


RepositoryUrl = Annotated[
    str, Field(min_length=1, max_length=500, json_schema_extra={"pattern": _PATTERN}), AfterValidator(_address)
]
Ref = Annotated[
    str,
    Field(min_length=1, max_length=200, json_schema_extra={"not": {"pattern": _BAD_REF.pattern}}),
    AfterValidator(_ref),
]
Submodules = Annotated[bool | None, Field(strict=True)]
PathInside = Annotated[
    str, Field(min_length=1, max_length=300, json_schema_extra={"not": {"pattern": _OUTSIDE}}), AfterValidator(_inside)
]
