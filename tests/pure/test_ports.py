"""Which ports two versions both take, and what Docker is asked to publish."""

from __future__ import annotations

from typing import Any

import pytest

from db.releases import Port
from tasks.docker.new_container import NewContainer
from tasks.docker.records import container_record
from tasks.rollout.health import choose
from tasks.rollout.ports import PublishedPorts


def port(container: int, host: int | None = None, **more: Any) -> Port:
    """A port as a release has it."""
    given = {"container": container, "address": "127.0.0.1", "host": host, **more}
    return {key: value for key, value in given.items() if value is not None}  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("old", "new", "conflict"),
    [
        (port(80, 8080), port(81, 8080), True),
        (port(80, 8080), port(80, 8081), False),
        (port(80), port(80), False),
        (port(53, 53), port(53, 53, protocol="udp"), False),
        (port(53, 53), port(53, 53, protocol="tcp"), True),
        (port(53, 53, protocol="udp"), port(53, 53, protocol="udp"), True),
        (port(80, 8000, to=90), port(80, 8010), True),
        (port(80, 8000, to=90), port(80, 8011), False),
        (port(80, 8011), port(80, 8000, to=90), False),
        (port(80, 8000, to=90), port(80, 8010, to=90), True),
    ],
)
def test_two_versions_are_in_each_others_way_at_the_same_place_only(old: Port, new: Port, conflict: bool) -> None:
    assert PublishedPorts().conflicts([old], [new]) is conflict


def test_docker_publishes_each_port_of_a_range_by_its_protocol() -> None:
    ports = [port(53, 1053, protocol="udp"), port(53, 1053), port(8000, 9000, to=8002), port(7000, to=7001)]
    new = NewContainer("x", "sha256:x", {}, {}, ports=ports)
    assert new.host_config()["port_bindings"] == {
        "53/udp": [("127.0.0.1", 1053)],
        "53/tcp": [("127.0.0.1", 1053)],
        "8000/tcp": [("127.0.0.1", 9000)],
        "8001/tcp": [("127.0.0.1", 9001)],
        "8002/tcp": [("127.0.0.1", 9002)],
    }
    assert [f"{number}/{how}" for number, how in new.config()["ports"]] == [
        *("53/udp", "53/tcp", "8000/tcp", "8001/tcp", "8002/tcp", "7000/tcp", "7001/tcp")
    ]


def test_a_check_without_a_port_never_asks_one_of_udp() -> None:
    udp = port(53, protocol="udp")
    assert choose(None, [udp, port(80)], None).port == 80
    assert choose(None, [udp], None).kind == "running"
    assert choose({"http": "/", "timeout_s": 1.0}, [udp, port(80)], False).port == 80


def test_a_bound_port_is_reported_with_its_protocol() -> None:
    bound = [{"HostIp": "127.0.0.1", "HostPort": "53"}]
    raw = {
        **{"Id": "i", "Name": "/x", "Image": "sha256:x", "Created": "", "Config": {}},
        "State": {"Status": "running", "Running": True},
        "NetworkSettings": {"Ports": {"53/udp": bound, "53/tcp": bound, "80/tcp": None}},
    }
    tcp = {"container": 53, "host": 53, "address": "127.0.0.1"}
    assert container_record(raw).ports == [tcp | {"protocol": "udp"}, tcp]
