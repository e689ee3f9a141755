"""The HTTP check: by Host header and status, of a real server, and of a container."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tasks.rollout.health import http_answers
from tests.docker.images import Images
from tests.docker.scenario import Scenario


class _Picky(BaseHTTPRequestHandler):
    """Answers with the status that the path names, to one host only, as Django and Rails do."""

    def do_GET(self) -> None:
        status = int(self.path.removeprefix("/")) if self.headers.get_all("Host") == ["shop.example"] else 400
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def picky() -> Iterator[int]:
    """The port of a server that wants a host."""
    with HTTPServer(("127.0.0.1", 0), _Picky) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "host", "wanted", "passes"),
    [
        (200, "shop.example", None, True),
        (399, "shop.example", None, True),
        (400, "shop.example", None, False),
        (200, None, None, False),
        (200, "other.example", None, False),
        (200, None, ["400"], True),
        (404, "shop.example", ["200", "404"], True),
        (302, "shop.example", ["200-299"], False),
        (503, "shop.example", ["200-299", "500-503"], True),
        (504, "shop.example", ["200-299", "500-503"], False),
    ],
)
def test_an_answer_counts_by_its_status_and_to_the_host_that_was_named(
    picky: int, status: int, host: str | None, wanted: list[str] | None, passes: bool
) -> None:
    more = {} if wanted is None else {"statuses": wanted}
    assert http_answers("127.0.0.1", picky, f"/{status}", host, **more) is passes


def test_a_version_whose_answer_is_another_than_the_spec_wants_fails(shop: Scenario, images: Images) -> None:
    tag = f"localhost/{shop.name}:health"
    images.build(tag, "health")
    shop.create(tag, health={"http": "/not-there", "status": 404, "host": "shop.example", "timeout_s": 10})
    assert shop.deploy()["status"] == "succeeded"
    shop.change(health={"http": "/healthz", "status": "400-499", "timeout_s": 1})
    row = shop.deploy()
    assert (row["status"], row["error_code"]) == ("failed", "health_timeout")
    assert shop.served() == "health"


def test_variables_with_dots_and_hyphens_reach_the_container(shop: Scenario, images: Images) -> None:
    tag = f"localhost/{shop.name}:env"
    images.build(tag, "env")
    shop.create(tag, env={"spring.datasource.url": "jdbc:x"}, secrets={"api-key": "from the vault"})
    assert shop.deploy()["status"] == "succeeded"
    env = shop.docker.containers.get(f"{shop.name}-v1").attrs["Config"]["Env"]
    assert {"spring.datasource.url=jdbc:x", "api-key=from the vault"} <= {*env}
