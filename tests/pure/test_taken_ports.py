"""Who has a port of the host."""

from __future__ import annotations

import pytest

from tasks.docker.records import ListedContainer, PublishedPort, listed_container
from tasks.rollout.taken_ports import holders

WANTED = PublishedPort("127.0.0.1", 8080)


@pytest.mark.parametrize(
    ("theirs", "found"),
    [
        (PublishedPort("127.0.0.1", 8080), True),
        (PublishedPort("0.0.0.0", 8080), True),
        (PublishedPort("::", 8080), True),
        (PublishedPort("127.0.0.2", 8080), False),
        (PublishedPort("127.0.0.1", 8081), False),
        (PublishedPort("127.0.0.1", 8080, "udp"), False),
    ],
)
def test_a_container_has_the_port_where_both_would_be_reached(theirs: PublishedPort, found: bool) -> None:
    one = ListedContainer("1", ("a",), "sha256:1", ports=(PublishedPort("0.0.0.0", 1), theirs))
    assert holders(WANTED, [one]) == ([one] if found else [])


def test_who_is_wanted_everywhere_meets_every_address() -> None:
    one = ListedContainer("1", ("a",), "sha256:1", ports=(PublishedPort("127.0.0.2", 8080),))
    assert holders(PublishedPort("0.0.0.0", 8080), [one]) == [one]


def test_what_docker_lists_is_read() -> None:
    raw = {
        "Id": "1",
        "ImageID": "sha256:1",
        "Ports": [{"PrivatePort": 80, "Type": "tcp"}, {"IP": "::", "PrivatePort": 53, "PublicPort": 53, "Type": "udp"}],
    }
    assert listed_container(raw).ports == (PublishedPort("::", 53, "udp"),)
