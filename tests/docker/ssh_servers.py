"""A real ssh server on a port of the loopback address, run as the current user, that one key may log in to.

It serves whatever git repository of that user it is asked for, through git-upload-pack, as a git server of one's own
does. Its host key, its configuration and who may log in lie in a directory of the test; nothing of the machine's
counts.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from db.access.git_credentials import put
from tasks.context import Context, now
from tests.docker.git_servers import Repository
from tests.real_parts import SERVERS, free_port, real_part, running
from tests.web.test_git_credentials import private_key

_NEEDED_AS_ROOT = Path("/run/sshd")  # where the part of it that talks to strangers is locked up; made at boot elsewhere


@dataclass
class SshServer:
    """Where it listens, and what it has written down."""

    port: int
    log: Path

    @property
    def host(self) -> str:
        """As it stands in addresses."""
        return f"127.0.0.1:{self.port}"

    def url(self, repository: Repository) -> str:
        """The address of a repository."""
        return f"ssh://{getpass.getuser()}@{self.host}{repository.path}/.git"


@contextmanager
def serving_ssh(folder: Path, key: str, *, port: int = 0, host_key: str = "") -> Iterator[SshServer]:
    """Serve while the block lasts. `key` is the private key of the one who may log in, `host_key` that of the server, a
    new one when it is not given. As most servers that nobody has set up for git, it takes no variables."""
    real_part("ssh server")
    folder.mkdir(parents=True, exist_ok=True)
    port, program = port or free_port(), shutil.which("sshd", path=SERVERS)
    if os.geteuid() == 0:
        _NEEDED_AS_ROOT.mkdir(mode=0o755, exist_ok=True)
    _write(folder / "host_key", host_key or private_key())
    _write(folder / "authorized_keys", public_key(key))
    _write(
        folder / "sshd_config",
        f"""
        ListenAddress 127.0.0.1:{port}
        HostKey {folder}/host_key
        AuthorizedKeysFile {folder}/authorized_keys
        AuthenticationMethods publickey
        StrictModes no
        UsePAM no
        PidFile none
        LogLevel VERBOSE
        """,
    )
    log = folder / "log"
    command = [str(program), "-D", "-e", "-f", str(folder / "sshd_config")]
    with running(command, log=log, ready=lambda: _greets(port)):
        yield SshServer(port, log)


def show_key(context: Context, host: str, key: str) -> None:
    """Store the private key that is shown to a server."""
    with context.database.writing() as session:
        put(session, host, "x-access-token", None, context.vault.lock(key), now())


def ecdsa_key() -> str:
    """A private key of another type than `private_key` makes."""
    made = ec.generate_private_key(ec.SECP256R1())
    return made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def public_key(private: str) -> str:
    """The other half of a key, as authorized_keys and known_hosts have it."""
    public = load_ssh_private_key(private.encode(), None).public_key()
    return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(f"{text.strip()}\n")


def _greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
