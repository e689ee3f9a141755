"""Logins for registries and git servers as the tools take them, and private keys put into shape. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

# GitHub, GitLab, Gitea and Forgejo take a token as the password of any name; this is the one that GitHub writes.
USERNAME = "x-access-token"


class GitLogin:
    """User name and password or token for https, a private key for ssh; any of them may be missing.

    Not a dataclass on purpose: its repr would have the secrets in it.
    """

    def __init__(self, username: str = USERNAME, password: str | None = None, ssh_key: str | None = None) -> None:
        self.username, self.password, self.ssh_key = username, password, ssh_key

    def __repr__(self) -> str:
        return f"<GitLogin {'password' if self.password else ''} {'key' if self.ssh_key else ''}>"


def normal_key(text: str) -> str | None:
    """A private key as OpenSSH wants to read it, with its line ends put right; None when it is none that it can use
    without asking for a passphrase."""
    normal = "\n".join(line.strip() for line in text.strip().splitlines()) + "\n"
    for load in (load_ssh_private_key, load_pem_private_key):
        try:
            load(normal.encode(), None)
            return normal
        except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it has a passphrase
            continue
    return None


@dataclass(frozen=True)
class Credentials:
    """User and password of a registry. Never in a repr."""

    username: str
    password: str = field(repr=False)


def auth_config(credentials: Credentials | None) -> dict[str, str]:
    """Credentials as the SDK takes them. An empty mapping keeps it from looking into ~/.docker/config.json: they come
    from our vault alone."""
    return {"username": credentials.username, "password": credentials.password} if credentials else {}
