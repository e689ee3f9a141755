"""Logins for registries and git servers in the form that the tools take, and normalized private keys. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

# GitHub, GitLab, Gitea and Forgejo accept a token as the password of any user name; GitHub itself uses this one.
USERNAME = "x-access-token"


class GitLogin:
    """User name and password or token for https, a private key for ssh; any of them may be missing.

    Deliberately not a dataclass: its repr would contain the secrets.
    """

    def __init__(
        self, username: str = USERNAME, password: str | None = None, ssh_key: str | None = None, name: str = ""
    ) -> None:
        self.username, self.password, self.ssh_key = username, password, ssh_key
        self.name = name  # what it is stored for, empty if it is not stored

    def __repr__(self) -> str:
        return f"<GitLogin {'password' if self.password else ''} {'key' if self.ssh_key else ''}>"


def normal_key(text: str) -> str | None:
    """Return a private key in the form that OpenSSH reads, with normalized line ends; None unless OpenSSH can use it
    without a passphrase."""
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
    """User name and password of a registry. Never in a repr."""

    username: str
    password: str = field(repr=False)


def auth_config(credentials: Credentials | None) -> dict[str, str]:
    """Return credentials as the SDK takes them. An empty mapping keeps it from reading ~/.docker/config.json:
    credentials come from our vault only."""
    return {"username": credentials.username, "password": credentials.password} if credentials else {}
