"""Published ports on the real Engine: over UDP, and a range of them."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from db.states import ErrorCode
from tests.docker.images import Images
from tests.docker.scenario import Scenario
from tests.real_parts import free_port, wait_until

# What a program in the container would do; busybox has none for UDP.
TAKES_A_DATAGRAM = "import socket as s; u = s.socket(type=s.SOCK_DGRAM); u.bind(('', 5353)); print(u.recv(99).decode())"
ON_TWO_PORTS = "httpd -p 8081 -h /www; exec httpd -f -p 8080 -h /www"


@pytest.fixture
def image(images: Images, shop: Scenario) -> str:
    """An image that serves."""
    tag = f"localhost/{shop.name}:ports"
    images.build(tag, "ports")
    return tag


@pytest.fixture
def two_ports() -> Iterator[int]:
    """The first of two neighbouring ports of this machine that are free."""
    while True:
        first = free_port()
        try:
            with ExitStack() as held:
                for one in (first, first + 1):
                    held.enter_context(socket.socket()).bind(("127.0.0.1", one))
        except OSError:
            continue
        break
    yield first


def test_a_port_is_published_over_udp(shop: Scenario, image: str) -> None:
    udp = {"container": 5353, "host": shop.port, "protocol": "udp"}
    shop.create(image, ports=[udp, {"container": 8080, "host": shop.port}])
    assert shop.deploy()["status"] == "succeeded"
    assert shop.served() == "ports"
    pid = shop.docker.api.inspect_container(f"{shop.name}-v1")["State"]["Pid"]
    inside = ["nsenter", "--target", str(pid), "--net", sys.executable, "-c", TAKES_A_DATAGRAM]
    program = subprocess.Popen(inside, stdout=subprocess.PIPE, text=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:

        def arrived() -> bool:
            sender.sendto(b"over udp", ("127.0.0.1", shop.port))
            return program.poll() is not None

        try:
            wait_until(arrived, 15, "no datagram arrived")
        finally:
            program.kill()
    assert program.communicate()[0] == "over udp\n"


def test_every_port_of_a_range_is_published(shop: Scenario, image: str, two_ports: int) -> None:
    ports = [{"container": 8080, "to": 8081, "host": two_ports}]
    shop.create(image, ports=ports, command=["/bin/sh", "-c", ON_TWO_PORTS])
    assert shop.deploy()["status"] == "succeeded"
    for one in (two_ports, two_ports + 1):
        with urllib.request.urlopen(f"http://127.0.0.1:{one}/", timeout=5) as answer:
            assert answer.read() == b"ports"
    # The ports are the old version's: it has to stop first.
    shop.change(env={"N": "2"})
    assert shop.deploy()["status"] == "succeeded"


def test_a_udp_port_that_another_program_has_is_named_as_that(shop: Scenario, image: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        taken = other.getsockname()[1]
        shop.create(image, ports=[{"container": 53, "host": taken, "protocol": "udp"}])
        row = shop.deploy()
    assert (row["status"], row["error_code"]) == ("failed", ErrorCode.PORT_IN_USE)
