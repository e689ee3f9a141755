"""A real image registry on the loopback address, for as long as a block runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import httpx

from tests.real_parts import free_port, running

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True)
class RegistryServer:
    """A docker-registry of ours. Images are named `{address}/name:tag`."""

    address: str
    username: str = ""
    password: str = ""

    def reference(self, name: str) -> str:
        """The full reference of `name:tag` in this registry."""
        return f"{self.address}/{name}"

    def status(self, path: str) -> int:
        """HTTP status of a GET, logged in where there is a login; 0 when nothing answers."""
        try:
            return httpx.get(f"http://{self.address}{path}", auth=self._auth, timeout=5).status_code
        except httpx.TransportError:
            return 0

    def digest(self, name: str, tag: str) -> str | None:
        """The digest that a tag has now, or None."""
        url = f"http://{self.address}/v2/{name}/manifests/{tag}"
        answer = httpx.head(url, auth=self._auth, headers={"Accept": MANIFEST}, timeout=5)
        return answer.headers["Docker-Content-Digest"] if answer.status_code == 200 else None

    def delete(self, name: str, digest: str) -> None:
        """Take an image away with all that it is made of, as a registry's clean-up does.

        Of the manifest alone Docker may still have a copy for a while, and would get the rest from us.
        """
        url = f"http://{self.address}/v2/{name}"
        manifest = httpx.get(f"{url}/manifests/{digest}", auth=self._auth, headers={"Accept": MANIFEST}, timeout=5)
        manifest.raise_for_status()
        blobs = [manifest.json()["config"], *manifest.json()["layers"]]
        for path in (f"manifests/{digest}", *(f"blobs/{blob['digest']}" for blob in blobs)):
            httpx.delete(f"{url}/{path}", auth=self._auth, timeout=5).raise_for_status()

    @property
    def _auth(self) -> tuple[str, str] | None:
        return (self.username, self.password) if self.username else None


@contextmanager
def serving(
    directory: Path,
    username: str = "",
    password: str = "",
    *,
    port: int | None = None,
    notifies: tuple[str, str] | None = None,
) -> Iterator[RegistryServer]:
    """Run a registry whose storage lies in `directory`; with a user name it wants a login.

    It tells the address `notifies[0]` of what happens, with the Authorization header `notifies[1]`.
    """
    server = RegistryServer(f"127.0.0.1:{port or free_port()}", username, password)
    config = f"""
version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {directory / "storage"}}}
  delete: {{enabled: true}}
  maintenance: {{uploadpurging: {{enabled: false}}}}
http: {{addr: "{server.address}", secret: for-tests-only}}
"""
    if username:
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
        (directory / "htpasswd").write_text(f"{username}:{hashed}\n")
        config += f"auth: {{htpasswd: {{realm: backstay-tests, path: {directory / 'htpasswd'}}}}}\n"
    if notifies:
        url, authorization = notifies
        endpoint = f"name: backstay, url: '{url}', headers: {{Authorization: ['{authorization}']}}"
        config += f"notifications: {{endpoints: [{{{endpoint}, timeout: 5s, threshold: 3, backoff: 1s}}]}}\n"
    (directory / "config.yml").write_text(config)
    command = ["docker-registry", "serve", str(directory / "config.yml")]
    with running(command, log=directory / "log", ready=lambda: server.status("/v2/") == 200):
        yield server
