"""Real git repositories, and a real git server over https that may want a login, for as long as a block runs."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_PERSON = {f"GIT_{who}_{what}": "tests" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "LC_ALL": "C",
    **_PERSON,
}


@dataclass(frozen=True)
class Repository:
    """A repository with a working tree; `url` is its address as a file."""

    path: Path

    @property
    def url(self) -> str:
        """Its address as a file."""
        return f"file://{self.path}/.git"

    def git(self, *arguments: str, stdin: str = "") -> str:
        """Run git in it; answers what it printed."""
        argv = ["git", "-C", str(self.path), *arguments]
        done = subprocess.run(argv, env=ENVIRONMENT, check=True, capture_output=True, text=True, input=stdin)
        return done.stdout.strip()

    def commit(self, files: Mapping[str, str | bytes], message: str = "change") -> str:
        """Write files and commit everything on the branch that is checked out; answers the commit."""
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def force_back(self, files: Mapping[str, str | bytes]) -> str:
        """Replace the newest commit by another, as a force-push does; the old one is on no branch any more."""
        self.git("reset", "--quiet", "--hard", "HEAD~1")
        return self.commit(files, "instead")

    def forget_the_past(self) -> None:
        """Remove every commit that is on no branch and no tag."""
        self.git("reflog", "expire", "--expire=now", "--all")
        self.git("gc", "--quiet", "--prune=now")


def new_repository(path: Path, files: Mapping[str, str | bytes]) -> Repository:
    """A repository with one commit on main."""
    path.mkdir(parents=True)
    repository = Repository(path)
    repository.git("init", "--quiet", "--initial-branch=main")
    repository.commit(files, "first")
    return repository


@dataclass
class GitServer:
    """`git http-backend` behind https. `asked` lists the paths and whether each came with a login."""

    root: Path
    port: int
    certificate: Path
    username: str = ""
    password: str = ""
    asked: list[tuple[str, bool]] = field(default_factory=list)
    redirect_to: str = ""

    @property
    def host(self) -> str:
        """As it stands in addresses."""
        return f"127.0.0.1:{self.port}"

    def url(self, repository: Repository) -> str:
        """The address of a repository below `root`."""
        return f"https://{self.host}/{repository.path.relative_to(self.root)}/.git"


@contextmanager
def serving_git(root: Path, username: str = "", password: str = "") -> Iterator[GitServer]:
    """Serve every repository below `root`; with a user name it wants a login. Trusted by git through GIT_SSL_CAINFO."""
    certificate = _certificate(root)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    found = GitServer(root, server.server_address[1], certificate, username, password)
    server.of = found  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        of: GitServer = self.server.of  # type: ignore[attr-defined]
        given = self.headers.get("Authorization", "")
        of.asked.append((self.path, bool(given)))
        if of.redirect_to:
            return self._head(302, [("Location", of.redirect_to + self.path)])
        wanted = f"Basic {base64.b64encode(f'{of.username}:{of.password}'.encode()).decode()}"
        if of.username and given != wanted:
            return self._head(401, [("WWW-Authenticate", 'Basic realm="tests"')])
        return self._backend(of)

    def _backend(self, of: GitServer) -> None:
        address = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        env = ENVIRONMENT | {
            "GIT_PROJECT_ROOT": str(of.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": unquote(address.path),
            "QUERY_STRING": address.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"], env=env, input=self.rfile.read(length), capture_output=True, check=False
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        fields = [tuple(line.split(": ", 1)) for line in head.decode().splitlines()]
        status = next((int(value.split()[0]) for key, value in fields if key == "Status"), 200)
        self._head(status, [(key, value) for key, value in fields if key != "Status"], len(body))
        self.wfile.write(body)

    def _head(self, status: int, fields: list[tuple[str, str]], length: int = 0) -> None:
        self.send_response(status)
        for key, value in [*fields, ("Content-Length", str(length))]:
            self.send_header(key, value)
        self.end_headers()


def _certificate(directory: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "backstay tests")])
    moment = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - datetime.timedelta(days=2))
        .not_valid_after(moment + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = directory / "server.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return path
