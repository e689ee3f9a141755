"""One real Prefect server for all tests that want one, with a home, a database and a login of its own.

A plugin that every layer has. What costs time to import is imported where it is used.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.prefect_template import copy_prefect_database
from tests.real_parts import free_port, running

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True)
class PrefectApi:
    """A running Prefect server: `url` ends in /api, `auth` is `user:password`."""

    url: str
    auth: str

    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to talk to it."""
        return {"PREFECT_API_URL": self.url, "PREFECT_API_AUTH_STRING": self.auth}

    def get(self, path: str) -> httpx.Response:
        """GET a path of the API, logged in."""
        import httpx

        user, _, password = self.auth.partition(":")
        return httpx.get(f"{self.url}{path}", auth=(user, password), timeout=10)

    def answers(self) -> bool:
        """Whether it is up."""
        import httpx

        try:
            return self.get("/health").status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectApi]:
    """The server. About 10 s to its first answer, over a database that is migrated already."""
    home = tmp_path_factory.mktemp("prefect-server")
    copy_prefect_database(home / "prefect.db")
    port = free_port()
    api = PrefectApi(f"http://127.0.0.1:{port}/api", f"backstay:{secrets.token_urlsafe(12)}")
    environment = (
        os.environ
        | api.environment()
        | {
            "PREFECT_HOME": str(home),
            "PREFECT_SERVER_API_AUTH_STRING": api.auth,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_UI_ENABLED": "false",
            "DO_NOT_TRACK": "1",
        }
    )
    server = [sys.executable, "-m", "flows.supervisor.prefect_server", "server", "start"]
    command = [*server, "--host", "127.0.0.1", "--port", str(port)]
    with running(command, log=home / "log", ready=api.answers, within_s=120, environment=environment):
        yield api


@pytest.fixture
def prefect_environment(prefect_api: PrefectApi, monkeypatch: pytest.MonkeyPatch) -> PrefectApi:
    """This process and its children talk to the server while the test runs, as the engine does."""
    for name, value in prefect_api.environment().items():
        monkeypatch.setenv(name, value)
    return prefect_api
