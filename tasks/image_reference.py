"""Image references: how they are parsed, and the pin that one becomes. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from db.releases import ImagePin

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::[0-9]{1,5})?|[A-Za-z0-9-]+:[0-9]{1,5})"
# The grammar of distribution/reference. It has no place for `user:password@`, so no credential enters the ledger.
REFERENCE = re.compile(
    rf"^(?:(?P<host>{_HOST}|\[[0-9a-f:]+\](?::[0-9]{{1,5}})?)/)?(?P<path>{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?$"
)
DOCKER_HUB = "docker.io"


@dataclass(frozen=True)
class Reference:
    """An image reference: `repository` with its registry host if one was given, tag and digest."""

    repository: str
    host: str
    tag: str | None
    digest: str | None

    @property
    def tagged(self) -> str:
        """repository:tag, with the tag `latest` if there is none."""
        return f"{self.repository}:{self.tag or 'latest'}"

    def at(self, digest: str) -> str:
        """Return repository@digest."""
        return f"{self.repository}@{digest}"


def parse_reference(text: str) -> Reference | None:
    """Return the parsed reference, or None if `text` is not one."""
    match = REFERENCE.fullmatch(text)
    if match is None:
        return None
    host, path = match["host"], match["path"]
    return Reference(f"{host}/{path}" if host else path, host or DOCKER_HUB, match["tag"], match["digest"])


def plain_pattern(pattern: str) -> str:
    """Return a regular expression without named groups, as JSON Schema needs it."""
    return re.sub(r"\(\?P<\w+>", "(?:", pattern)


def image_pin(image: str, repository: str, digest: str | None, image_id: str | None) -> ImagePin:
    """Return the pin of an image deploy. `digest` is None for an image that no registry has."""
    return {"kind": "image", "image": image, "repository": repository, "digest": digest, "image_id": image_id}


def digest_of(repo_digests: list[str], repository: str) -> str | None:
    """Return the digest under which a local image came from `repository`, if known."""
    for entry in repo_digests:
        name, _, digest = entry.partition("@")
        if name == repository or name == repository.removeprefix(f"{DOCKER_HUB}/").removeprefix("library/"):
            return digest
    return None
