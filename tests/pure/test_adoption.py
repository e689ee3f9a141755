"""A running container as a spec: each setting is mapped, dropped or named, whatever tool has started it."""

from __future__ import annotations

from typing import Any

import pytest

from flows.cli.adoption_lines import shown
from tasks.adoption import process
from tasks.adoption.confidential import is_secret
from tasks.adoption.container import Mapped, map_container
from tasks.adoption.inspected import Inspected
from tasks.adoption.notes import Fate, lost_keys, share_mapped
from tasks.adoption.platforms import as_name, platform_of
from tasks.specs import parse_spec, public
from tests.pure.inspections import ID, IMAGE_ID, container, image

FORBIDDEN = ("/var/run/docker.sock", "/home/backstay")


def mapped(found: Inspected, name: str = "") -> Mapped:
    """The spec, which every test of this file has validated."""
    made = map_container(found, name, lambda path: path not in FORBIDDEN)
    parse_spec(made.complete)
    return made


def test_a_plain_container_is_mapped_whole() -> None:
    made = mapped(container())
    assert made.spec == {
        "name": "web",
        "source": {"kind": "image", "image": "registry.example/web:3"},
        "init": False,
    }
    assert made.secrets == {}
    assert lost_keys(made.notes) == []
    assert share_mapped(made.notes) == 1.0


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "command": ({"config": {"Cmd": ["run", "--fast"]}}, {"command": ["run", "--fast"]}),
    "entrypoint": (
        {"config": {"Entrypoint": ["/bin/sh", "-c"], "Cmd": ["serve"]}},
        {"entrypoint": ["/bin/sh", "-c"], "command": ["serve"]},
    ),
    "no entrypoint": (
        {"config": {"Entrypoint": None, "Cmd": ["/run"]}},
        {"entrypoint": [""], "command": ["/run"]},
    ),
    "user": ({"config": {"User": "1000:1000"}}, {"user": "1000:1000"}),
    "working_dir": ({"config": {"WorkingDir": "/data"}}, {"working_dir": "/data"}),
    "env": ({"config": {"Env": ["MODE=fast", "EMPTY="]}}, {"env": {"MODE": "fast", "EMPTY": ""}}),
    "labels": ({"config": {"Labels": {"traefik.enable": "true"}}}, {"labels": {"traefik.enable": "true"}}),
    "stop timeout": ({"config": {"StopTimeout": 30}}, {"stop_timeout_s": 30}),
    "exposed": (
        {"config": {"ExposedPorts": {"8080/tcp": {}, "9000/udp": {}}}},
        {"ports": [_udp := {"container": 9000, "protocol": "udp"}]},
    ),
    "init": ({"host": {"Init": True}}, {"init": True}),
    "no restart": ({"host": {"RestartPolicy": {"Name": "no"}}}, {"restart": "no"}),
    "on-failure": ({"host": {"RestartPolicy": {"Name": "on-failure"}}}, {"restart": "on-failure"}),
    "read only": ({"host": {"ReadonlyRootfs": True}}, {"read_only": True}),
    "shm": ({"host": {"ShmSize": 256 * 2**20}}, {"shm_mb": 256}),
    "memory and cpus": (
        {"host": {"Memory": 512 * 2**20, "MemorySwap": 512 * 2**20, "NanoCpus": 1_500_000_000}},
        {"resources": {"memory_mb": 512, "cpus": 1.5}},
    ),
    "cpu quota": ({"host": {"CpuQuota": 50_000, "CpuPeriod": 100_000}}, {"resources": {"cpus": 0.5}}),
    "ulimits": (
        {"host": {"Ulimits": [{"Name": "nofile", "Soft": 1024, "Hard": 65536}]}},
        {"ulimits": {"nofile": {"soft": 1024, "hard": 65536}}},
    ),
    "extra hosts": (
        {"host": {"ExtraHosts": ["db:10.0.0.5", "up:host-gateway"]}},
        {"extra_hosts": {"db": "10.0.0.5", "up": "host-gateway"}},
    ),
    "log": (
        {"host": {"LogConfig": {"Type": "json-file", "Config": {"max-size": "50m", "max-file": "2"}}}},
        {"log": {"max_size_mb": 50, "max_files": 2}},
    ),
    "journald": ({"host": {"LogConfig": {"Type": "journald", "Config": {}}}}, {"log": {"driver": "journald"}}),
    "tmpfs": (
        {"host": {"Tmpfs": {"/tmp": "size=64m", "/run": ""}}},
        {"tmpfs": [{"path": "/run"}, {"path": "/tmp", "size_mb": 64}]},
    ),
    "capability": ({"host": {"CapAdd": ["NET_ADMIN"]}}, {"cap_add": ["NET_ADMIN"], "allow": ["cap_add"]}),
    "privileged": (
        {"host": {"Privileged": True, "SecurityOpt": ["label=disable"]}},
        {"privileged": True, "allow": ["privileged"]},
    ),
    "device": (
        {"host": {"Devices": [{"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse", "CgroupPermissions": "rw"}]}},
        {"devices": ["/dev/fuse:/dev/fuse:rw"], "allow": ["devices"]},
    ),
    "named volume": (
        {"Mounts": [{"Type": "volume", "Name": "pgdata", "Destination": "/var/lib/db", "RW": True}]},
        {"volumes": [{"name": "pgdata", "path": "/var/lib/db", "existing": True}]},
    ),
    "anonymous volume": (
        {"Mounts": [{"Type": "volume", "Name": "e3" * 32, "Destination": "/data", "RW": True}]},
        {"volumes": [{"name": "e3" * 32, "path": "/data", "existing": True}]},
    ),
    "directory": (
        {
            "Mounts": [
                {"Type": "bind", "Source": "/srv/site", "Destination": "/www", "RW": False, "Propagation": "rprivate"}
            ]
        },
        {"volumes": [{"host_path": "/srv/site", "path": "/www", "read_only": True}], "allow": ["/srv/site"]},
    ),
    "fixed port": (
        {
            "NetworkSettings": {
                "Ports": {
                    "8080/tcp": [{"HostIp": "0.0.0.0", "HostPort": "80"}],
                    "53/udp": [{"HostIp": "10.0.0.1", "HostPort": "53"}],
                },
                "Networks": {},
            }
        },
        {
            "ports": [
                {"container": 53, "host": 53, "address": "10.0.0.1", "protocol": "udp"},
                {"container": 8080, "host": 80, "address": "0.0.0.0"},
            ]
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_setting_is_mapped_and_nothing_is_lost(case: str) -> None:
    given, wanted = CASES[case]
    made = mapped(container(**given))
    plain = mapped(container()).spec
    assert made.spec == plain | wanted
    assert lost_keys(made.notes) == []


LOST: dict[str, dict[str, Any]] = {
    "Config.Hostname": {"config": {"Hostname": "mail.example"}},
    "Config.Tty": {"config": {"Tty": True}},
    "Config.StopSignal": {"config": {"StopSignal": "SIGQUIT"}},
    "Config.Healthcheck": {"config": {"Healthcheck": {"Test": ["CMD", "true"]}}},
    "Config.Cmd": {"config": {"Cmd": None}},
    "HostConfig.CapDrop": {"host": {"CapDrop": ["ALL"]}},
    "HostConfig.Dns": {"host": {"Dns": ["1.1.1.1"]}},
    "HostConfig.Sysctls": {"host": {"Sysctls": {"net.core.somaxconn": "1024"}}},
    "HostConfig.SecurityOpt": {"host": {"SecurityOpt": ["no-new-privileges"]}},
    "HostConfig.PidMode": {"host": {"PidMode": "host"}},
    "HostConfig.AutoRemove": {"host": {"AutoRemove": True}},
    "HostConfig.NetworkMode": {"host": {"NetworkMode": "host"}},
    "HostConfig.MemorySwap": {"host": {"Memory": 2**29, "MemorySwap": 2**30}},
    "HostConfig.LogConfig": {"host": {"LogConfig": {"Type": "gelf", "Config": {"gelf-address": "udp://x"}}}},
    "HostConfig.LogConfig labels": {
        "host": {"LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "labels": "a"}}}
    },
    "HostConfig.RestartPolicy.MaximumRetryCount": {
        "host": {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 5}}
    },
    "HostConfig.DeviceRequests": {"host": {"DeviceRequests": [{"Count": -1}]}},
    "HostConfig.SomethingOfNextYear": {"host": {"SomethingOfNextYear": {"a": 1}}},
    "Config.SomethingOfNextYear": {"config": {"SomethingOfNextYear": "x"}},
    "Mounts /var/run/docker.sock": {
        "Mounts": [{"Type": "bind", "Source": FORBIDDEN[0], "Destination": "/var/run/docker.sock", "RW": True}]
    },
    "Mounts /c": {"Mounts": [{"Type": "bind", "Source": "/c", "Destination": "/c", "Propagation": "rshared"}]},
    "Tmpfs /tmp options": {"host": {"Tmpfs": {"/tmp": "size=8m,uid=5"}}},
    "Networks proxy": {"NetworkSettings": {"Ports": {}, "Networks": {"proxy": {"Aliases": ["web"]}}}},
}


@pytest.mark.parametrize("key", LOST)
def test_what_a_spec_cannot_say_is_named(key: str) -> None:
    made = mapped(container(**LOST[key]))
    assert lost_keys(made.notes) == [key]


def test_values_that_look_secret_are_secrets_and_stand_nowhere_else() -> None:
    env = [
        "DB_PASSWORD=hunter2hunter2",
        "DATABASE_URL=postgres://u:s3cretvalue@db/x",
        "STRIPE=sk_live_12345678",
        "PORT=80",
    ]
    made = mapped(container({"Env": env}))
    assert made.secrets.keys() == {"DB_PASSWORD", "DATABASE_URL", "STRIPE"}
    assert made.spec["env"] == {"PORT": "80"}
    shown = repr(made) + str(public(parse_spec(made.complete)))
    for value in made.secrets.values():
        assert value not in shown


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("PASSWORD", "x", True),
        ("POSTGRES_PASSWORD", "x", True),
        ("MYSQL_ROOT_PASSWORD", "x", True),
        ("AWS_SECRET_ACCESS_KEY", "x", True),
        ("API_KEY", "x", True),
        ("APIKEY", "x", True),
        ("SECRET_KEY_BASE", "x", True),
        ("RAILS_MASTER_KEY", "x", True),
        ("GITHUB_TOKEN", "x", True),
        ("SENTRY_DSN", "x", True),
        ("SMTP_PASS", "x", True),
        ("REDIS_URL", "redis://:pw@host", True),
        ("REDIS_URL", "redis://host:6379", False),
        ("POSTGRES_PASSWORD_FILE", "/run/secrets/db", False),
        ("TOKEN_TTL", "60", False),
        ("PASSWORD", "", False),
        ("MONKEY", "x", False),
        ("KEYBOARD", "us", False),
        ("COMPASS", "x", False),
        ("PORT", "80", False),
        ("PGUSER", "app", False),
        ("AUTHOR", "me", False),
    ],
)
def test_a_secret_is_known_by_its_name_or_its_value(name: str, value: str, wanted: bool) -> None:
    assert is_secret(name, value) is wanted


def test_an_image_that_only_the_host_has_is_not_asked_of_a_registry() -> None:
    local = image() | {"RepoDigests": []}
    assert mapped(container(of=local)).spec["source"] == {
        "kind": "image",
        "image": "registry.example/web:3",
        "pull": "if_missing",
    }


def test_an_image_by_id_is_called_by_a_name_that_it_has() -> None:
    for written in (IMAGE_ID, IMAGE_ID.removeprefix("sha256:")[:12]):
        found = container({"Image": written})
        assert mapped(found).spec["source"]["image"] == "registry.example/web:3"
    kept = image() | {"RepoTags": ["localhost/backstay-0123/other:v1"], "RepoDigests": []}
    found = container({"Image": IMAGE_ID}, of=kept)
    assert map_container(found, "", lambda _: True).spec["source"]["image"] == ""


TOOLS: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    # tool: name of the workload, its bookkeeping, labels that stay
    "Coolify": (
        "front-page",
        {
            "coolify.managed": "true",
            "coolify.version": "4.0.0-beta.400",
            "coolify.applicationId": "7",
            "coolify.type": "application",
            "coolify.name": "k8gs0ok4c8",
            "coolify.resourceName": "front-page",
            "coolify.projectName": "site",
            "coolify.environmentName": "production",
            "com.docker.compose.project": "k8gs0ok4c8",
            "com.docker.compose.service": "k8gs0ok4c8-101",
        },
        {
            "traefik.enable": "true",
            "traefik.http.routers.http-0.rule": "Host(`site.example`)",
            "caddy_0": "site.example",
        },
    ),
    "Dokploy": (
        "web",
        {
            "com.dokploy.project.id": "x1",
            "com.docker.compose.project": "shop-ab12",
            "com.docker.compose.service": "web",
        },
        {"traefik.enable": "true", "traefik.docker.network": "dokploy-network"},
    ),
    "Portainer": (
        "web",
        {
            "io.portainer.accesscontrol.teams": "ops",
            "com.docker.compose.project": "blog",
            "com.docker.compose.project.working_dir": "/data/compose/4",
        },
        {"team": "ops"},
    ),
    "CapRover": (
        "notes",
        {
            "com.docker.swarm.node.id": "n1",
            "com.docker.swarm.service.id": "s1",
            "com.docker.swarm.service.name": "srv-captain--notes",
            "com.docker.swarm.task": "",
            "com.docker.swarm.task.id": "t1",
            "com.docker.swarm.task.name": "srv-captain--notes.1.t1",
        },
        {},
    ),
    "Kamal": (
        "shop-worker-staging",
        {"service": "shop", "role": "worker", "destination": "staging"},
        {"audit": "yes"},
    ),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tools_bookkeeping_is_dropped_and_the_rest_of_its_labels_stays(tool: str) -> None:
    name, bookkeeping, kept = TOOLS[tool]
    found = container({"Labels": bookkeeping | kept})
    platform = platform_of(found.labels)
    assert platform is not None and platform.name == tool
    made = mapped(found)
    assert made.spec["name"] == name
    assert made.spec.get("labels", {}) == kept
    dropped = {one.key for one in made.notes if one.fate is Fate.DROPPED}
    assert {f"Config.Labels {label}" for label in bookkeeping} <= dropped
    assert f"managed by {tool}" in dropped


@pytest.mark.parametrize(
    ("folder", "tool"),
    [
        ("/data/compose/4", "Portainer"),
        ("/etc/dokploy/compose/blog-x1/code", "Dokploy"),
        ("/data/coolify/services/k8gs", "Coolify"),
        ("/home/me/blog", None),
    ],
)
def test_a_project_without_a_tools_labels_is_known_by_where_it_was_started(folder: str, tool: str | None) -> None:
    found = platform_of({"com.docker.compose.project": "blog", "com.docker.compose.project.working_dir": folder})
    assert (found.name if found else None) == tool


def test_a_task_of_swarm_is_named_because_swarm_would_start_another() -> None:
    made = mapped(container({"Labels": TOOLS["CapRover"][1]}))
    assert lost_keys(made.notes) == ["Swarm service srv-captain--notes"]


def test_labels_called_service_and_role_alone_are_not_kamals() -> None:
    found = container({"Labels": {"service": "a", "role": "b"}})
    assert platform_of(found.labels) is None
    assert mapped(found).spec["labels"] == {"service": "a", "role": "b"}


@pytest.mark.parametrize(
    ("text", "name"),
    [("My_App.1", "my-app-1"), ("--x--", "x"), ("ü", "adopted"), ("a" * 39 + "-b", "a" * 39), ("web", "web")],
)
def test_a_containers_name_becomes_one_of_a_workload(text: str, name: str) -> None:
    assert as_name(text) == name


def test_the_given_name_is_taken() -> None:
    assert mapped(container(), "mine").spec["name"] == "mine"


def test_a_host_name_that_docker_made_is_no_setting() -> None:
    assert lost_keys(mapped(container({"Hostname": ID[:12]})).notes) == []
    shared = container({"Hostname": "feed00000000"}, {"NetworkMode": f"container:{'f' * 64}"})
    assert lost_keys(mapped(shared).notes) == ["HostConfig.NetworkMode"]


def test_a_secret_in_a_command_is_said_and_not_shown() -> None:
    made = mapped(container({"Cmd": ["serve", "--admin-password=hunter2", "--key-file", "/k"]}))
    assert [one.into for one in made.notes if one.key == "Config.Cmd"] == [process.READABLE]
    assert shown(made.spec)["command"] == ["serve", "--admin-password=•••", "--key-file", "/k"]
