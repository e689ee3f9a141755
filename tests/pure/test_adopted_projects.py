"""A running compose project as a compose file: every setting a service can have, the secrets apart, nothing renamed."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from flows.cli.adoption_lines import shown
from tasks.adoption.container import Mapped
from tasks.adoption.inspected import Inspected
from tasks.adoption.notes import lost_keys, share_mapped
from tasks.adoption.project import as_yaml, map_project
from tasks.compose.policy import Host
from tasks.rollout.compose_adopted import start_order
from tasks.specs import parse_spec
from tests.pure.inspections import container, image

PROJECT = "blog"


def member(service: str, number: int = 1, id_: str = "", **given: Any) -> Inspected:
    """A container of the project; `given` as for `container`."""
    config = dict(given.pop("config", {}))
    config["Labels"] = {
        "com.docker.compose.project": PROJECT,
        "com.docker.compose.service": service,
        "com.docker.compose.container-number": str(number),
        "com.docker.compose.config-hash": "f00",
    } | (config.get("Labels") or {})
    name = given.pop("name", f"{PROJECT}-{service}-{number}")
    network = {f"{PROJECT}_default": {"Aliases": [service, name, "4f6e00000000"]}}
    given.setdefault("NetworkSettings", {"Ports": {}, "Networks": network})
    host = {"NetworkMode": f"{PROJECT}_default"} | given.pop("host", {})
    return container(config, host, name=name, **given, **({"Id": id_} if id_ else {}))


def mapped(*found: Inspected) -> Mapped:
    """The spec, which has to be one."""
    made = map_project(found, PROJECT, "", lambda path: path != "/home/backstay", Host())
    parse_spec(made.complete)
    return made


def service(*found: Inspected, name: str = "web") -> dict[str, Any]:
    """A service of the file."""
    one: dict[str, Any] = yaml.safe_load(mapped(*found).spec["source"]["text"])["services"][name]
    return one


PLAIN = {"image": "registry.example/web:3", "networks": {"blog_default": {}}, "restart": "unless-stopped"}


def test_a_plain_service_is_mapped_whole_and_stays_in_its_network() -> None:
    made = mapped(member("web"))
    model = yaml.safe_load(made.spec["source"]["text"])
    assert model == {
        "services": {"web": PLAIN},
        "networks": {"blog_default": {"external": True, "name": "blog_default"}},
    }
    assert made.spec["source"]["allow"] == ["networks.blog_default.external"]
    assert made.spec["name"] == "blog"
    assert (lost_keys(made.notes), share_mapped(made.notes)) == ([], 1.0)


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "command": ({"config": {"Cmd": ["run", "$HOME"]}}, {"command": ["run", "$$HOME"]}),
    "environment": ({"config": {"Env": ["A=1$x", "N=0123"]}}, {"environment": {"A": "1$$x", "N": "0123"}}),
    "host name": ({"config": {"Hostname": "mail.example"}}, {"hostname": "mail.example"}),
    "terminal": ({"config": {"Tty": True, "OpenStdin": True}}, {"tty": True, "stdin_open": True}),
    "stop": (
        {"config": {"StopSignal": "SIGQUIT", "StopTimeout": 60}},
        {"stop_signal": "SIGQUIT", "stop_grace_period": "60s"},
    ),
    "labels": ({"config": {"Labels": {"caddy": "x.example"}}}, {"labels": {"caddy": "x.example"}}),
    "check": (
        {"config": {"Healthcheck": {"Test": ["CMD", "true"], "Interval": 5 * 10**9, "Retries": 4}}},
        {"healthcheck": {"test": ["CMD", "true"], "interval": "5000000000ns", "retries": 4}},
    ),
    "capabilities": ({"host": {"CapDrop": ["ALL"]}}, {"cap_drop": ["ALL"]}),
    "dns": ({"host": {"Dns": ["1.1.1.1"], "DnsSearch": ["lan"]}}, {"dns": ["1.1.1.1"], "dns_search": ["lan"]}),
    "sysctls": ({"host": {"Sysctls": {"net.core.somaxconn": "9"}}}, {"sysctls": {"net.core.somaxconn": "9"}}),
    "memory": ({"host": {"Memory": 2**29, "MemorySwap": 2**30}}, {"mem_limit": 2**29}),
    "no swap": ({"host": {"Memory": 2**29, "MemorySwap": 2**29}}, {"mem_limit": 2**29, "memswap_limit": 2**29}),
    "cpus": ({"host": {"NanoCpus": 5 * 10**8}}, {"cpus": 0.5}),
    "log": (
        {"host": {"LogConfig": {"Type": "local", "Config": {"max-size": "9m"}}}},
        {"logging": {"driver": "local", "options": {"max-size": "9m"}}},
    ),
    "retries": (
        {"host": {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}},
        {"restart": "on-failure:3"},
    ),
    "hosts": ({"host": {"ExtraHosts": ["up:host-gateway"]}}, {"extra_hosts": ["up=host-gateway"]}),
    "tmpfs": ({"host": {"Tmpfs": {"/run": "size=8m,uid=5"}}}, {"tmpfs": ["/run:size=8m,uid=5"]}),
    "name": ({"name": "the-blog"}, {"container_name": "the-blog"}),
    "hardened": ({"host": {"SecurityOpt": ["no-new-privileges:true"]}}, {"security_opt": ["no-new-privileges:true"]}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_setting_is_mapped_and_nothing_is_lost(case: str) -> None:
    given, wanted = CASES[case]
    assert service(member("web", **given)) == PLAIN | wanted
    assert lost_keys(mapped(member("web", **given)).notes) == []


def test_volumes_and_directories_are_kept_by_their_real_names_and_allowed() -> None:
    mounts = [
        {"Type": "volume", "Name": "blog_data", "Destination": "/data", "RW": True},
        {"Type": "volume", "Name": "ab" * 32, "Destination": "/cache", "RW": True},
        {"Type": "bind", "Source": "/srv/blog", "Destination": "/site", "RW": False, "Propagation": "rprivate"},
    ]
    made = mapped(member("web", Mounts=mounts))
    model = yaml.safe_load(made.spec["source"]["text"])
    assert model["volumes"] == {name: {"external": True, "name": name} for name in ("ab" * 32, "blog_data")}
    assert model["services"]["web"]["volumes"] == [
        {"type": "volume", "target": "/data", "source": "blog_data"},
        {"type": "volume", "target": "/cache", "source": "ab" * 32},
        {"type": "bind", "target": "/site", "read_only": True, "source": "/srv/blog"},
    ]
    assert made.spec["source"]["allow"] == [
        "/srv/blog",
        f"volumes.{'ab' * 32}.external",
        "volumes.blog_data.external",
        "networks.blog_default.external",
    ]


def test_what_reaches_beyond_the_container_is_allowed_by_its_key() -> None:
    made = mapped(member("web", host={"Privileged": True, "PidMode": "host", "SecurityOpt": ["label=disable"]}))
    assert {"web.privileged", "web.pid"} <= set(made.spec["source"]["allow"])


def test_ports_are_published_as_they_were_and_one_that_docker_chose_stays() -> None:
    bound = {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "49153"}, {"HostIp": "::", "HostPort": "49153"}]}
    wanted = {
        "80/tcp": [{"HostIp": "", "HostPort": ""}],
        "53/udp": [{"HostIp": "10.0.0.1", "HostPort": "53"}],
    }
    settings = {"Ports": bound, "Networks": {"blog_default": {}}}
    assert service(member("web", host={"PortBindings": wanted}, NetworkSettings=settings))["ports"] == [
        {"target": 53, "protocol": "udp", "mode": "ingress", "published": "53", "host_ip": "10.0.0.1"},
        {"target": 80, "protocol": "tcp", "mode": "ingress", "published": "49153"},
    ]


def test_aliases_and_fixed_addresses_are_kept() -> None:
    networks = {
        "blog_default": {"Aliases": ["web", "cms", "blog-web-1", "4f6e00000000"]},
        "proxy": {"IPAMConfig": {"IPv4Address": "10.9.0.5"}},
    }
    found = member("web", NetworkSettings={"Ports": {}, "Networks": networks})
    assert service(found)["networks"] == {"blog_default": {"aliases": ["cms"]}, "proxy": {"ipv4_address": "10.9.0.5"}}


def test_a_namespace_of_another_service_is_that_services() -> None:
    vpn = member("vpn", id_="a" * 64)
    settings: dict[str, Any] = {"Ports": {}, "Networks": {}}
    web = member("web", id_="b" * 64, host={"NetworkMode": f"container:{'a' * 64}"}, NetworkSettings=settings)
    assert service(vpn, web)["network_mode"] == "service:vpn"
    stranger = member("web", host={"NetworkMode": f"container:{'c' * 64}"}, NetworkSettings=settings)
    assert lost_keys(mapped(stranger).notes) == ["web.HostConfig.NetworkMode"]


def test_secrets_become_variables_and_stand_nowhere_else() -> None:
    web = member("web", config={"Env": ["DB_PASSWORD=one-two-three", "MODE=x"]})
    db = member("db", config={"Env": ["DB_PASSWORD=one-two-three", "ROOT_PASSWORD=$four"]})
    other = member("other-1", config={"Env": ["DB_PASSWORD=another-one"]})
    made = mapped(web, db, other)
    services = yaml.safe_load(made.spec["source"]["text"])["services"]
    assert services["web"]["environment"] == {"MODE": "x", "DB_PASSWORD": "${DB_PASSWORD}"}
    assert services["db"]["environment"] == {"DB_PASSWORD": "${DB_PASSWORD}", "ROOT_PASSWORD": "${ROOT_PASSWORD}"}
    assert services["other-1"]["environment"] == {"DB_PASSWORD": "${OTHER_1_DB_PASSWORD}"}
    assert made.secrets == {
        "DB_PASSWORD": "one-two-three",
        "ROOT_PASSWORD": "$four",
        "OTHER_1_DB_PASSWORD": "another-one",
    }
    assert not any(value in str(made.spec) + str(made.notes) for value in made.secrets.values())


def test_several_containers_of_a_service_are_its_scale() -> None:
    assert service(member("web", 1, "a" * 64), member("web", 2, "b" * 64))["scale"] == 2


def test_a_job_that_ended_is_one_and_a_service_without_a_policy_is_none() -> None:
    no: dict[str, Any] = {"host": {"RestartPolicy": {"Name": "no"}}}
    ended = {"State": {"Status": "exited", "Running": False, "ExitCode": 0}}
    assert service(member("web", **no, **ended))["restart"] == "no"
    assert "restart" not in service(member("web", **no))


def test_the_order_of_start_is_kept_for_services_that_are_there() -> None:
    labels = {"com.docker.compose.depends_on": "db:service_healthy:false,gone:service_started:true"}
    found = (member("web", config={"Labels": labels}), member("db"))
    assert service(*found)["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert start_order(yaml.safe_load(mapped(*found).spec["source"]["text"])) == ["db", "web"]


def test_a_mount_of_backstays_own_directories_and_an_unknown_key_are_named() -> None:
    mounts = [{"Type": "bind", "Source": "/home/backstay", "Destination": "/b", "RW": True}]
    found = member("web", Mounts=mounts, host={"SomethingOfNextYear": True, "AutoRemove": True})
    assert lost_keys(mapped(found).notes) == [
        "web.Mounts /b",
        "web.HostConfig.AutoRemove",
        "web.HostConfig.SomethingOfNextYear",
    ]


def test_an_image_that_only_the_host_has_is_not_asked_of_a_registry() -> None:
    assert service(member("web", of=image() | {"RepoDigests": []}))["pull_policy"] == "missing"


@pytest.mark.parametrize(
    "text", ["no", "0123", "0o17", "1.10", "12:30", "2026-01-31", "", " x", "a: b", "#x", "~", "=", "0x1F"]
)
def test_a_text_is_written_so_that_no_rules_read_it_as_something_else(text: str) -> None:
    written = as_yaml({"services": {"web": {"environment": {"A": text}}}})
    assert f'"{text}"' in written
    assert yaml.safe_load(written)["services"]["web"]["environment"]["A"] == text


def test_a_secret_among_the_arguments_becomes_a_variable() -> None:
    found = member("web", config={"Cmd": ["redis-server", "--requirepass", "hunter$2", "--port", "6379"]})
    shell = member("db", config={"Cmd": ["sh", "-c", "run --token=abc-def --user me"]})
    made = mapped(found, shell)
    services = yaml.safe_load(made.spec["source"]["text"])["services"]
    assert services["web"]["command"] == ["redis-server", "--requirepass", "${REQUIREPASS}", "--port", "6379"]
    assert services["db"]["command"] == ["sh", "-c", "run --token=${TOKEN} --user me"]
    assert made.secrets == {"REQUIREPASS": "hunter$2", "TOKEN": "abc-def"}


def test_a_text_of_several_lines_is_written_in_lines_and_read_as_it_was() -> None:
    text = "services:\n  web: {}\n\n  # end  \n"
    for one in (text, " led by a blank\nand more", "ends with blanks \nx"):
        assert yaml.safe_load(as_yaml({"text": one})) == {"text": one}
    assert as_yaml({"text": "a\nb\n"}) == "text: |\n  a\n  b\n"


def test_what_is_shown_has_no_value_of_a_variable() -> None:
    made = mapped(member("web", config={"Env": ["MODE=quite-special", "DB_PASSWORD=one-two-three"]}))
    text = shown(made.spec)["source"]["text"]
    environment = yaml.safe_load(text)["services"]["web"]["environment"]
    assert environment == {"MODE": "•••", "DB_PASSWORD": "${DB_PASSWORD}"}
    assert "quite-special" not in str(shown(made.spec))
