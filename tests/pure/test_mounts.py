"""Directories of the host in a container, and which mounts two versions may have at the same time."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.docker.new_container import NewContainer
from tasks.rollout.mounts import may_mount
from tasks.rollout.plan import Step, plan
from tasks.rollout.ports import PublishedPorts

SOCKETS = ["/var/run/docker.sock", "/run/docker.sock"]
LINKS = {"/srv/out": "/etc", "/srv/to-home": "/var/lib/backstay", "/media": "/srv/media", "/var/run": "/run"}


def real(path: str) -> str:
    """Follow the links of this host."""
    for link, place in LINKS.items():
        if path == link or path.startswith(f"{link}/"):
            return place + path.removeprefix(link)
    return path


@pytest.mark.parametrize(
    ("path", "allow", "fine"),
    [
        ("/srv/media", ["/srv/media"], True),
        ("/srv/media/films", ["/srv/media"], True),
        ("/srv/media/films", ["/media"], True),
        ("/media/films", ["/srv"], True),
        ("/srv/media2", ["/srv/media"], False),
        ("/srv/media", ["cap_add", "privileged"], False),
        ("/srv/media", [], False),
        ("/srv/out", ["/srv"], False),
        ("/srv/out", ["/srv", "/etc"], True),
        ("/srv/to-home", ["/srv"], False),
        ("/srv/to-home/secret.key", ["/srv", "/var/lib/backstay"], False),
        ("/var/lib/backstay", ["/var/lib/backstay"], False),
        ("/var/lib/backstay/files", ["/var/lib/backstay/files"], False),
        ("/var/lib", ["/var/lib"], False),
        ("/", ["/"], False),
        ("/run/docker.sock", ["/run"], False),
        ("/run/docker.sock", ["/run/docker.sock"], False),
        ("/var/run/docker.sock", ["/run/docker.sock", "/var/run/docker.sock"], False),
        ("/run", ["/run", "/run/docker.sock"], False),
        ("/run/lock", ["/run"], True),
    ],
)
def test_a_directory_is_mounted_below_an_allowed_one_and_never_with_backstay_or_docker_in_it(
    path: str, allow: list[str], fine: bool
) -> None:
    assert may_mount(path, allow, SOCKETS, ["/var/lib/backstay"], real) is fine


def release(*volumes: dict[str, Any]) -> Any:
    """A release with mounts."""
    return {"source": {}, "ports": [], "volumes": list(volumes)}


DATA = {"name": "data", "path": "/a"}
FILMS = {"host_path": "/srv/films", "path": "/a"}
READ = {"read_only": True}


@pytest.mark.parametrize(
    ("old", "new", "has_gap"),
    [
        (DATA, DATA | {"path": "/b"}, True),
        (DATA, {"name": "other", "path": "/a"}, False),
        (DATA, DATA | {"existing": True}, False),
        (DATA | READ, DATA | READ, False),
        (DATA | READ, DATA, True),
        (DATA, DATA | READ, True),
        (FILMS, FILMS, True),
        (FILMS | READ, FILMS | READ, False),
        (FILMS, {"host_path": "/srv", "path": "/a"}, True),
        ({"host_path": "/srv", "path": "/a"}, FILMS, True),
        (FILMS, {"host_path": "/srv/films2", "path": "/a"}, False),
        (FILMS, {"name": "films", "path": "/a"}, False),
    ],
)
def test_two_versions_are_up_at_once_unless_one_writes_what_the_other_uses(
    old: dict[str, Any], new: dict[str, Any], has_gap: bool
) -> None:
    steps = plan(release(old), release(new), PublishedPorts())
    assert (Step.STOP_OLD in steps) is has_gap


def test_a_privileged_container_is_created_as_one() -> None:
    # Where the tests run, the kernel may not let one start.
    asked = [
        NewContainer("x", "sha256:x", {}, {}, options=options).host_config() for options in ({"privileged": True}, {})
    ]
    assert [one.get("privileged") for one in asked] == [True, None]
