"""What a compose file may not do: a table of keys and values, as Docker Compose renders them."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tasks.compose.policy import DECIDED, HARMLESS, Host, out_of_reach, refused, taken_names

PROJECT = "backstay-12345678-shop"
SOCKET = "/var/run/docker.sock"


def bind(source: str) -> dict[str, Any]:
    return {"type": "bind", "source": source, "target": "/x", "bind": {}}


def of_web(service: dict[str, Any], *allow: str, folder: str | None = None) -> list[str]:
    model = {"name": PROJECT, "services": {"web": {"image": "shop:1"} | service}}
    return refused(model, PROJECT, allow, Host(folder))


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
        ("cap_add", ["CHOWN", "SYS_ADMIN"]),
        ("cap_add", ["NET_RAW"]),
        ("cap_add", ["ALL"]),
        ("cap_add", ["${TOKEN}"]),
        ("security_opt", ["seccomp:unconfined"]),
        ("security_opt", ["no-new-privileges:true", "apparmor:unconfined"]),
        ("security_opt", ["no-new-privileges=false"]),
        ("runtime", "other"),
        ("volumes_from", ["container:other:ro"]),
        ("external_links", ["other:it"]),
        ("use_api_socket", True),
        ("oom_kill_disable", True),
        ("oom_score_adj", -500),
        ("post_start", [{"command": ["x"], "privileged": True}]),
        ("pre_stop", [{"command": ["x"]}, {"command": ["y"], "privileged": True}]),
        ("annotations", {"org.systemd.property.CPUWeight": "1000"}),
        ("logging", {"driver": "syslog", "options": {"syslog-address": "unixgram:///run/docker.sock"}}),
        ("logging", {"driver": "of-a-plugin"}),
        ("logging", {"driver": "${TOKEN}"}),
        ("provider", {"type": "awesomecloud"}),
        ("a_key_of_next_year", "x"),
        ("volumes", [bind("/etc")]),
        ("volumes", [bind(SOCKET)]),
        ("volumes", [{"type": "image", "source": "x", "target": "/x"}]),
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
        ("security_opt", ["no-new-privileges=true"]),
        ("cap_drop", ["ALL"]),
        ("cap_add", ["CHOWN", "DAC_OVERRIDE", "NET_BIND_SERVICE", "SETGID", "SETUID"]),
        ("cap_add", ["CAP_SETUID", "setgid"]),
        ("volumes_from", ["db"]),
        ("post_start", [{"command": ["x"], "user": "root"}]),
        ("oom_score_adj", 500),
        ("deploy", {"replicas": 2, "resources": {"limits": {"memory": "64"}}}),
        ("volumes", [{"type": "volume", "source": "data", "target": "/d"}, {"type": "tmpfs", "target": "/t"}]),
        ("logging", {"driver": "json-file", "options": {"max-size": "10m"}}),
        ("logging", {"options": {"max-size": "10m"}}),
        ("x-note", "anything"),
    ],
)
def test_what_concerns_the_container_alone_is_let_through(key: str, value: Any) -> None:
    assert of_web({key: value}) == []


@pytest.mark.parametrize("source", ["/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo", "/dev/urandom"])
def test_the_time_of_the_host_and_its_random_numbers_may_be_read_and_not_written(source: str) -> None:
    assert of_web({"volumes": [bind(source) | {"read_only": True}]}) == []
    assert of_web({"volumes": [bind(source)]}) == ["web.volumes"]
    beside = [f"{source}/../passwd", f"{source}/x", "/etc/localtime2", "/etc"]
    assert all(of_web({"volumes": [bind(one) | {"read_only": True}]}) == ["web.volumes"] for one in beside)


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
        ("/run//docker.sock", ["/run"], False),
        ("/run/./docker.sock", ["/run"], False),
        ("/run", ["/run"], False),
        ("/", ["/"], False),
        ("/run", ["/run", "/run/docker.sock"], True),
        ("/run/lock", ["/run"], True),
        ("/srv/data/${TOKEN}", ["/srv/data"], False),
    ],
)
def test_a_directory_of_the_host_is_mounted_only_below_an_allowed_one(
    source: str, allow: list[str], fine: bool
) -> None:
    assert of_web({"volumes": [bind(source)]}, *allow) == ([] if fine else ["web.volumes"])


@pytest.mark.parametrize(
    ("source", "allow", "fine"),
    [
        ("/srv/data/link-to-etc", ["/srv/data"], False),
        ("/srv/data/link-to-etc", ["/srv/data", "/etc"], True),
        ("/srv/data/link-to-run/docker.sock", ["/srv/data", "/run"], False),
        ("/srv/link-to-data/shop", ["/srv/link-to-data"], True),
        ("/srv/data/shop", ["/srv/link-to-data"], True),
        ("/srv/own.sock", ["/srv"], False),
        ("/srv", ["/srv"], False),
        ("/srv/own.sock", ["/srv/own.sock"], True),
    ],
)
def test_links_are_followed_before_a_directory_of_the_host_is_looked_at(
    source: str, allow: list[str], fine: bool
) -> None:
    def real(path: str) -> str:
        for link, place in (("/srv/data/link-to-etc", "/etc"), ("/srv/data/link-to-run", "/run")):
            path = path.replace(link, place)
        return path.replace("/srv/link-to-data", "/srv/data")

    model = {"name": PROJECT, "services": {"web": {"volumes": [bind(source)]}}}
    host = Host(sockets=["/run/docker.sock", "/srv/own.sock"], real=real)
    assert refused(model, PROJECT, allow, host) == ([] if fine else ["web.volumes"])


HOME = "/home/backstay"


@pytest.mark.parametrize(
    ("source", "as_written", "fine"),
    [
        ("/tree/store", "./store", True),
        ("/srv/store", "/srv/store", True),
        ("/srv/a$$b", "/srv/a$$b", True),
        ("/srv/store", "../store", False),
        ("/srv/store", "../../../../../srv/store", False),
        ("/home/backstay/compose/x", "~/x", False),
        ("/tree/~/x", "~/x", False),  # Docker Compose without a home directory
        ("/tree/~someone/x", "~someone/x", False),
        ("/tree/~/x", "./~/x", True),
        (HOME, HOME, False),
        (f"{HOME}/files/another/store", f"{HOME}/files/another/store", False),
        (f"{HOME}/work/local/x", "../x", False),
        (f"{HOME}2", f"{HOME}2", True),
        ("/srv/../home/backstay", "/srv/../home/backstay", False),
        ("/link/secret.key", "/link/secret.key", False),
        ("/tree/../secret.key", "/tree/../secret.key", True),  # `refused` has a say in it
        ("/srv/${TOKEN}", "/srv/${TOKEN}", False),
        ("/tree/${TOKEN}", "./${TOKEN}", False),
    ],
)
def test_a_path_that_leads_out_or_lies_below_home_is_beyond_any_permission(
    source: str, as_written: str, fine: bool
) -> None:
    def real(path: str) -> str:
        return os.path.normpath(path.replace("/link", HOME))

    def model(path: str) -> dict[str, Any]:
        return {"services": {"web": {"volumes": [bind("/tree/fine") | {"target": "/y"}, bind(path)]}}}

    host = Host("/tree", real=real, own=[HOME])
    assert out_of_reach(model(source), lambda: model(as_written), host) == ([] if fine else ["web.volumes"])


@pytest.mark.parametrize(
    ("what", "thing", "written", "key"),
    [
        ("configs", {"file": "/tree/nginx.conf"}, None, None),
        ("configs", {"file": f"{HOME}/secret.key"}, None, "configs.it.file"),
        ("configs", {"file": "/srv/x"}, {"file": "../x"}, "configs.it.file"),
        ("configs", {"file": "/srv/x"}, None, None),
        ("secrets", {"file": "/tree/pw"}, {"file": "./pw"}, None),
        ("secrets", {"file": "/srv/pw"}, {"file": "../pw"}, "secrets.it.file"),
        ("secrets", {"file": "/tree/~/pw"}, {"file": "~/pw"}, "secrets.it.file"),
        ("secrets", {"file": f"{HOME}/secret.key"}, None, "secrets.it.file"),
        ("secrets", {"file": "/etc/pw"}, None, None),
        ("volumes", {"driver_opts": {"device": f"{HOME}/files/other"}}, None, "volumes.it.driver_opts"),
        ("volumes", {"driver_opts": {"device": "./data"}}, None, "volumes.it.driver_opts"),
        ("volumes", {"driver_opts": {"device": "/mnt/disk"}}, None, None),
        ("volumes", {"driver_opts": {"device": ":/exported", "type": "nfs"}}, None, None),
    ],
)
def test_other_paths_of_a_file_are_held_to_the_same(
    what: str, thing: dict[str, Any], written: dict[str, Any] | None, key: str | None
) -> None:
    host = Host("/tree", own=[HOME])
    found = out_of_reach({what: {"it": thing}}, lambda: {what: {"it": written or thing}}, host)
    assert found == ([key] if key else [])


def test_the_file_as_written_is_looked_at_only_where_a_path_leads_out() -> None:
    def never() -> dict[str, Any]:
        raise AssertionError

    assert out_of_reach({"services": {"web": {"volumes": [bind("/tree/a")]}}}, never, Host("/tree", own=[HOME])) == []


def test_naming_a_directory_does_not_permit_one_that_has_home_in_it() -> None:
    model = {"services": {"web": {"volumes": [bind("/home")]}}}
    assert refused(model, PROJECT, ["/home"], Host(own=[HOME])) == ["web.volumes"]
    assert refused(model, PROJECT, ["web.volumes"], Host(own=[HOME])) == []


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
        ("networks", {"driver_opts": {"com.docker.network.bridge.name": "docker0"}}, "networks.it.driver_opts"),
        (
            "networks",
            {"driver_opts": {"com.docker.network.bridge.gateway_mode_ipv4": "routed"}},
            "networks.it.driver_opts",
        ),
        ("networks", {"ipam": {"driver": "of-a-plugin"}}, "networks.it.ipam"),
        ("networks", {"ipam": {"config": [{"subnet": "1.1.1.0/24"}]}}, "networks.it.ipam"),
        ("networks", {"ipam": {"config": [{"subnet": "169.254.169.0/24"}]}}, "networks.it.ipam"),
        ("networks", {"ipam": {"config": [{"subnet": "10.0.0.0/7"}]}}, "networks.it.ipam"),
        ("networks", {"ipam": {"config": [{"subnet": "2000::/3"}]}}, "networks.it.ipam"),
        ("networks", {"a_key_of_next_year": "x"}, "networks.it.a_key_of_next_year"),
        ("volumes", {"a_key_of_next_year": "x"}, "volumes.it.a_key_of_next_year"),
        ("configs", {"template_driver": "golang"}, "configs.it.template_driver"),
        ("configs", {"file": "/checkout/../etc/passwd"}, "configs.it.file"),
        ("configs", {"external": True}, "configs.it.external"),
        ("configs", {"file": "/etc/passwd"}, "configs.it.file"),
        ("secrets", {"file": "/etc/shadow"}, "secrets.it.file"),
        ("secrets", {"file": "/checkout/../etc/shadow"}, "secrets.it.file"),
        ("volumes", {"name": f"{PROJECT}_it", "driver": "local", "labels": {"a": "b"}}, None),
        ("networks", {"name": f"{PROJECT}_it", "internal": True, "ipam": {}}, None),
        ("networks", {"driver": "bridge", "driver_opts": {"com.docker.network.driver.mtu": "1400"}}, None),
        ("networks", {"driver_opts": {"com.docker.network.enable_ipv6": "false"}}, None),
        ("networks", {"enable_ipv6": True, "ipam": {"config": [{"subnet": "172.28.0.0/16"}, {"gateway": "x"}]}}, None),
        ("networks", {"ipam": {"driver": "default", "config": [{"subnet": "fd00:1::/64"}]}}, None),
        ("configs", {"name": f"{PROJECT}_it", "content": "x"}, None),
        ("configs", {"file": "/checkout/nginx.conf"}, None),
        ("secrets", {"environment": "TOKEN"}, None),
        ("models", {"model": "ai/llm"}, "models"),
    ],
)
def test_what_is_shared_stays_within_the_project(what: str, thing: dict[str, Any], key: str | None) -> None:
    model = {"name": PROJECT, "services": {}, what: {"it": thing}}
    assert refused(model, PROJECT, [], Host("/checkout")) == ([key] if key else [])


def test_a_container_name_is_refused_when_somebody_else_has_it() -> None:
    model = {"services": {"web": {"container_name": "web"}, "db": {"container_name": "db"}, "job": {}}}
    assert taken_names(model, {"web", "else"}, []) == ["web.container_name"]
    assert taken_names(model, {"web"}, ["web.container_name"]) == []


def test_no_key_is_in_both_tables_and_each_is_a_whole_word() -> None:
    assert HARMLESS & DECIDED.keys() == set()
    assert min(map(len, HARMLESS)) >= 3
    assert {"image", "working_dir", "storage_opt"} <= HARMLESS
