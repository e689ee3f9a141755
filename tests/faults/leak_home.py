"""An installation whose engine leaks on purpose, and a client that keeps every answer it gets as evidence."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from db.settings import Settings, ensure_home
from db.states import FINAL
from tests.faults import leak_evidence
from tests.faults.leak_evidence import Evidence
from tests.prefect_template import copy_prefect_database
from tests.real_parts import docker_address, free_port, running, wait_until

ROOT = Path(__file__).parents[2]
BACKSTAY = [sys.executable, "-P", "-m", "flows.cli"]
ENDS_WITHIN_S = 90
LOOK_EVERY_S = 0.25


class LeakyHome:
    """A HOME, its ports, and verbs over it. All that it answers becomes evidence."""

    def __init__(self, home: Path, password: str) -> None:
        self.home, self.screen = home, home.parent / "screen"
        ensure_home(Settings(home=home))
        copy_prefect_database(home / "prefect.db")
        self.web, self.prefect = free_port(), free_port()
        self.evidence = Evidence()
        self.outcomes: dict[str, tuple[str | None, str | None]] = {}  # workload -> the error code wanted, and had
        self.env = os.environ | {
            "BACKSTAY_HOME": str(home),
            "BACKSTAY_WEB_PORT": str(self.web),
            "BACKSTAY_PREFECT_PORT": str(self.prefect),
            "BACKSTAY_DOCKER_HOST": docker_address(),
            "BACKSTAY_ADMIN_PASSWORD": password,
            "PYTHONPATH": str(ROOT),
        }
        hooks = {"response": [lambda response: leak_evidence.answer(self.evidence, response)]}
        self.client, self.stranger = (
            httpx.Client(base_url=f"http://127.0.0.1:{self.web}", event_hooks=hooks, timeout=60) for _ in range(2)
        )

    @contextmanager
    def up(self) -> Iterator[None]:
        """`backstay up` for as long as the block runs."""
        command = [sys.executable, "-P", "-m", "tests.faults.leaking_up"]
        with running(command, log=self.screen, ready=self._is_ready, within_s=120, environment=self.env):
            yield

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """A verb; what it prints is evidence."""
        done = self.run_quietly(*arguments, stdin=stdin)
        self.evidence.add(f"backstay {' '.join(arguments[:2])}"[:60], f"{done.stdout}\n{done.stderr}")
        return done

    def run_quietly(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """A verb whose output is meant for the one who typed it."""
        return subprocess.run(
            [*BACKSTAY, *arguments], env=self.env, input=stdin, capture_output=True, text=True, check=False, cwd="/"
        )

    def log_in(self, token: str) -> None:
        """From now on requests carry this token."""
        self.client.headers["Authorization"] = f"Bearer {token}"

    def post(self, path: str, body: Any = None) -> httpx.Response:
        """POST JSON to the API."""
        return self.client.post(f"/api{path}", json={} if body is None else body)

    def create(self, name: str, image: str, **spec: Any) -> None:
        """Add a workload of an image."""
        self.create_from(name, {"kind": "image", "image": image}, **spec)

    def create_from(self, name: str, source: dict[str, str], **spec: Any) -> None:
        """Add a workload of any source."""
        answer = self.post("/workloads", {"name": name, "source": source} | spec)
        assert answer.status_code == 201, answer.text

    def deploy(self, name: str, **body: Any) -> int:
        """Ask for a deploy; answers its version."""
        return int(self.accepted(f"/workloads/{name}/deploys", body).json()["version"])

    def accepted(self, path: str, body: Any = None) -> httpx.Response:
        """POST, again while Prefect's SQLite is too busy to take a run; answers what was not 503."""
        answers: list[httpx.Response] = []

        def taken() -> bool:
            if answers:
                time.sleep(1)
            answers.append(self.post(path, body))
            return answers[-1].status_code != httpx.codes.SERVICE_UNAVAILABLE

        wait_until(taken, ENDS_WITHIN_S, "Prefect stays busy")
        assert answers[-1].status_code in {202, 422}, answers[-1].text
        return answers[-1]

    def ended(self, name: str, version: int) -> dict[str, Any]:
        """The row of a version when it has its final status."""
        rows: list[dict[str, Any]] = []

        def is_over() -> bool:
            rows.append(self.client.get(f"/api/workloads/{name}/deploys/{version}").json())
            time.sleep(LOOK_EVERY_S)  # two dozen deploys are watched at once
            return rows[-1]["status"] in FINAL

        wait_until(is_over, ENDS_WITHIN_S, lambda: f"{name}: still {rows[-1]}")
        return rows[-1]

    def send_raw(self, request: bytes) -> None:
        """Bytes that are no good HTTP, and whatever is answered to them."""
        with socket.create_connection(("127.0.0.1", self.web), timeout=10) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                self.evidence.add("answer to raw bytes", piece)

    @property
    def prefect_auth(self) -> str:
        """`user:password` of the Prefect API."""
        return (self.home / "prefect-auth").read_text()

    @property
    def prefect_url(self) -> str:
        """Base address of the Prefect API."""
        return f"http://127.0.0.1:{self.prefect}/api"

    def _is_ready(self) -> bool:
        return "Backstay is ready." in self.screen.read_text(errors="replace")
