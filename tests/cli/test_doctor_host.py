"""The line `host` of doctor, before an Engine that lacks something; written by hand, since no such host is here."""

from __future__ import annotations

import json
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest

from tests.cli.conftest import Backstay


class Engine(BaseHTTPRequestHandler):
    """Answers /version and /info, as much of them as is read."""

    info: ClassVar[dict[str, object]] = {"ServerVersion": "20.10.24", "Driver": "overlay2"}

    def do_GET(self) -> None:
        version = {"Version": "20.10.24", "ApiVersion": "1.41"}
        answer: object = self.info if self.path.endswith("/info") else version
        body = json.dumps([] if "/containers/json" in self.path else answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(params=[{}, {"MemoryLimit": False}])
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an Engine whose kernel is as it should be, and of one that has no memory controller."""
    handler = type("ThisEngine", (Engine,), {"info": Engine.info | request.param})
    with tempfile.TemporaryDirectory(prefix="bst-") as place:
        path = Path(place) / "docker.sock"
        with socketserver.ThreadingUnixStreamServer(str(path), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"unix://{path}"
            server.shutdown()


def test_doctor_says_what_the_docker_host_lacks(
    bare: Backstay, environment: pytest.MonkeyPatch, engine: str, request: pytest.FixtureRequest
) -> None:
    environment.setenv("BACKSTAY_DOCKER_HOST", engine)
    (line,) = [line for line in bare("doctor").out.splitlines() if line.split()[1] == "host"]
    lacking = "MemoryLimit" in request.node.callspec.params["engine"]
    assert line.startswith("✗" if lacking else "✓")
    assert ("cgroup_enable=memory" in line) is lacking
