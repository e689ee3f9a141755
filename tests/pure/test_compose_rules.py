"""What a compose file may not do: a table of keys and values, as Docker Compose renders them."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.compose.rules import DECIDED, HARMLESS, refused, taken_names

PROJECT = "backstay-12345678-shop"
SOCKET = "/var/run/docker.sock"


def bind(source: str) -> dict[str, Any]:
    return {"type": "bind", "source": source, "target": "/x", "bind": {}}


def of_web(service: dict[str, Any], *allow: str, folder: str | None = None) -> list[str]:
    return refused({"name": PROJECT, "services": {"web": {"image": "shop:1"} | service}}, PROJECT, allow, folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("privileged", True),
        ("network_mode", "host"),
        ("network_mode", "container:other"),
        ("pid", "host"),
        ("pid", "container:other"),
        ("ipc", "host"),
        ("uts", "host"),
        ("userns_mode", "host"),
        ("cgroup", "host"),
        ("cgroup_parent", "/system.slice"),
        ("devices", [{"source": "/dev/fuse", "target": "/dev/fuse", "permissions": "rwm"}]),
        ("device_cgroup_rules", ["c 1:3 mr"]),
        ("gpus", [{"count": -1}]),
        ("deploy", {"resources": {"reservations": {"devices": [{"capabilities": ["gpu"]}]}}}),
        ("cap_add", ["NET_ADMIN"]),
        ("security_opt", ["seccomp:unconfined"]),
        ("security_opt", ["no-new-privileges:true", "apparmor:unconfined"]),
        ("runtime", "other"),
        ("volumes_from", ["container:other:ro"]),
        ("external_links", ["other:it"]),
        ("use_api_socket", True),
        ("oom_kill_disable", True),
        ("oom_score_adj", -500),
        ("post_start", [{"command": ["x"], "privileged": True}]),
        ("pre_stop", [{"command": ["x"]}, {"command": ["y"], "privileged": True}]),
        ("provider", {"type": "awesomecloud"}),
        ("a_key_of_next_year", "x"),
        ("volumes", [bind("/etc")]),
        ("volumes", [bind(SOCKET)]),
        ("volumes", [{"type": "npipe", "source": "x", "target": "/x"}]),
    ],
)
def test_what_reaches_beyond_its_container_is_refused_by_its_key_unless_it_is_allowed(key: str, value: Any) -> None:
    assert of_web({key: value}) == [f"web.{key}"]
    assert of_web({key: value}, f"web.{key}") == []
    assert of_web({key: value}, f"db.{key}") == [f"web.{key}"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("privileged", False),
        ("network_mode", "none"),
        ("network_mode", "service:db"),
        ("ipc", "shareable"),
        ("security_opt", ["no-new-privileges:true"]),
        ("cap_drop", ["ALL"]),
        ("volumes_from", ["db"]),
        ("post_start", [{"command": ["x"], "user": "root"}]),
        ("oom_score_adj", 500),
        ("deploy", {"replicas": 2, "resources": {"limits": {"memory": "64"}}}),
        ("volumes", [{"type": "volume", "source": "data", "target": "/d"}, {"type": "tmpfs", "target": "/t"}]),
        ("x-note", "anything"),
    ],
)
def test_what_concerns_the_container_alone_is_let_through(key: str, value: Any) -> None:
    assert of_web({key: value}) == []


@pytest.mark.parametrize(
    ("source", "allow", "fine"),
    [
        ("/srv/data", ["/srv/data"], True),
        ("/srv/data/shop", ["/srv/data"], True),
        ("/srv/data2", ["/srv/data"], False),
        ("/srv/data/../../etc", ["/srv/data"], False),
        (SOCKET, ["/var"], False),
        (SOCKET, [SOCKET], True),
        ("/run/docker.sock", ["/run"], False),
    ],
)
def test_a_directory_of_the_host_is_mounted_only_below_an_allowed_one(
    source: str, allow: list[str], fine: bool
) -> None:
    assert of_web({"volumes": [bind(source)]}, *allow) == ([] if fine else ["web.volumes"])


def test_files_of_the_checkout_may_be_mounted() -> None:
    assert of_web({"volumes": [bind("/checkout/conf")]}, folder="/checkout") == []
    assert of_web({"volumes": [bind("/checkout-of-another")]}, folder="/checkout") == ["web.volumes"]


@pytest.mark.parametrize(
    ("what", "thing", "key"),
    [
        ("volumes", {"external": True, "name": "of_another"}, "volumes.it.external"),
        ("volumes", {"name": "backstay_other_data"}, "volumes.it.name"),
        ("volumes", {"driver": "nfs"}, "volumes.it.driver"),
        ("volumes", {"driver": "local", "driver_opts": {"type": "none", "device": "/etc"}}, "volumes.it.driver_opts"),
        ("networks", {"external": True, "name": "of_another"}, "networks.it.external"),
        ("networks", {"name": "of_another"}, "networks.it.name"),
        ("networks", {"driver": "macvlan"}, "networks.it.driver"),
        ("configs", {"external": True}, "configs.it.external"),
        ("configs", {"file": "/etc/passwd"}, "configs.it.file"),
        ("secrets", {"file": "/etc/shadow"}, "secrets.it.file"),
        ("secrets", {"file": "/checkout/key"}, "secrets.it.file"),
        ("volumes", {"name": f"{PROJECT}_it", "driver": "local", "labels": {"a": "b"}}, None),
        ("networks", {"name": f"{PROJECT}_it", "internal": True, "ipam": {}}, None),
        ("configs", {"name": f"{PROJECT}_it", "content": "x"}, None),
        ("configs", {"file": "/checkout/nginx.conf"}, None),
        ("secrets", {"environment": "TOKEN"}, None),
        ("models", {"model": "ai/llm"}, "models"),
    ],
)
def test_what_is_shared_stays_within_the_project(what: str, thing: dict[str, Any], key: str | None) -> None:
    model = {"name": PROJECT, "services": {}, what: {"it": thing}}
    assert refused(model, PROJECT, [], "/checkout") == ([key] if key else [])


def test_a_container_name_is_refused_when_somebody_else_has_it() -> None:
    model = {"services": {"web": {"container_name": "web"}, "db": {"container_name": "db"}, "job": {}}}
    assert taken_names(model, {"web", "else"}, []) == ["web.container_name"]
    assert taken_names(model, {"web"}, ["web.container_name"]) == []


def test_no_key_is_in_both_tables_and_each_is_a_whole_word() -> None:
    assert HARMLESS & DECIDED.keys() == set()
    assert min(map(len, HARMLESS)) >= 3
    assert {"image", "working_dir", "storage_opt"} <= HARMLESS
