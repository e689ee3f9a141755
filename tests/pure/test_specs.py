"""What a person writes as a spec: what is taken, what is refused by which key, and that no value is ever repeated."""

from __future__ import annotations

import json
from typing import Any

import pytest

from db.messages.key_problems import KeyProblem
from tasks.sources.invalid_spec import InvalidSpec
from tasks.specs import OPTIONS, RELEASE_KEYS, parse_spec, public, release_of

# Stands where a bad value stands. It may be a secret in the wrong place, so no refusal may contain it.
CANARY = "hunter2canary"
COMPOSE = {"kind": "compose", "text": "services: {web: {image: shop}}"}
IMAGE = {"kind": "image", "image": "127.0.0.1:5000/shop:1"}


def spec(**changes: Any) -> dict[str, Any]:
    """The smallest good spec, with changes; None takes a key away."""
    whole = {"name": "shop", "source": IMAGE} | changes
    return {key: value for key, value in whole.items() if value is not None}


def both(limit: int) -> dict[str, int]:
    """A limit that is soft and hard."""
    return {"soft": limit, "hard": limit}


WHOLE = spec(
    ports=[
        {"container": 8080, "host": 18080, "address": "127.0.0.1"},
        {"container": 8000, "to": 8010, "host": 18000, "address": "127.0.0.1", "protocol": "udp"},
    ],
    env={"LOG_LEVEL": "info", "spring.datasource.url": "jdbc:x", "my-flag": "1"},
    secrets={"DB_PASSWORD": CANARY},
    health={"http": "/healthz", "port": 8080, "host": "shop.example", "status": ["200-299", "404"], "timeout_s": 30},
    resources={"memory_mb": 64, "cpus": 0.5},
    volumes=[
        {"name": "data", "path": "/data"},
        {"name": "Media_1", "path": "/media", "read_only": True, "existing": True},
        {"host_path": "/srv/media/films", "path": "/films", "read_only": True},
    ],
    cap_add=["NET_ADMIN", "CAP_SYS_TIME"],
    devices=["/dev/dri", "/dev/sda:/dev/disk:r"],
    privileged=True,
    allow=["cap_add", "devices", "privileged", "/srv/media"],
    command=["serve", "--fast"],
    entrypoint=["/bin/sh", "-c"],
    user="1000:www-data",
    working_dir="/app",
    read_only=True,
    tmpfs=[{"path": "/tmp"}, {"path": "/run", "size_mb": 16}],
    shm_mb=128,
    ulimits={"nofile": {"soft": 1024, "hard": 65536}},
    labels={"traefik.enable": "true", "org.example/team": "shop"},
    extra_hosts={"host.docker.internal": "host-gateway", "db": "::1"},
    log={"driver": "local", "max_size_mb": 50, "max_files": 5},
    restart="on-failure",
    networks=["backend"],
    stop_timeout_s=10,
    init=True,
    auto_rollback=False,
    watch_s=60,
    host="local",
)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="the smallest"),
        pytest.param({"name": "a"}, id="a name of one letter"),
        pytest.param({"name": "a" * 40}, id="a name of forty"),
        pytest.param({"source": {"kind": "image", "image": "busybox"}}, id="an image without a tag"),
        pytest.param({"source": {"kind": "image", "image": "r.example:5000/a/b@sha256:" + "0" * 64}}, id="a digest"),
        pytest.param({"ports": []}, id="no ports"),
        pytest.param({"ports": [{"container": 80}, {"container": 81}]}, id="ports that are not published"),
        pytest.param({"ports": [{"container": 80, "host": 1}, {"container": 80, "host": 2}]}, id="one port, twice out"),
        pytest.param({"ports": [{"container": 80, "host": 80, "address": "::1"}]}, id="an IPv6 address"),
        pytest.param({"ports": [{"container": 53}, {"container": 53, "protocol": "udp"}]}, id="TCP and UDP"),
        pytest.param({"ports": [{"container": 1, "to": 1000, "host": 64536}]}, id="the longest range"),
        pytest.param({"env": {"PORT": 8080, "ID": 2**64 - 1}}, id="numbers in env"),
        pytest.param({"health": {"tcp": 8080}}, id="health by tcp"),
        pytest.param({"health": {"docker": True}}, id="health by docker"),
        pytest.param({"health": {"running_s": 3}}, id="health by running"),
        pytest.param({"health": {"http": "/"}, "ports": [{"container": 80}]}, id="the port of http from ports"),
        pytest.param({"resources": {"memory_mb": 6}}, id="the least memory"),
        pytest.param({"stop_timeout_s": 0}, id="stop at once"),
        pytest.param({"volumes": [{"host_path": "/srv", "path": "/a"}], "allow": ["/srv"]}, id="what is allowed"),
        pytest.param({"volumes": [{"host_path": "/a..b/c", "path": "/a"}], "allow": ["/"]}, id="dots in a name"),
        pytest.param({"user": "1000"}, id="a user by number"),
        pytest.param({"ulimits": {"core": {"soft": 0, "hard": -1}}}, id="a limit up to none"),
        pytest.param({"log": {"driver": "none"}}, id="no log"),
        pytest.param({"log": {"max_files": 1}}, id="one log file"),
    ],
)
def test_a_good_spec_is_taken_and_comes_back_as_it_was(changes: dict[str, Any]) -> None:
    parsed = parse_spec(spec(**changes))
    again = parse_spec(public(parsed))
    assert again == parsed


def test_a_whole_spec_is_shown_as_it_was_written_but_for_the_secrets() -> None:
    assert public(parse_spec(WHOLE)) == {key: value for key, value in WHOLE.items() if key != "secrets"}


def test_a_whole_number_may_be_written_with_a_point() -> None:
    parsed = parse_spec(
        spec(ports=[{"container": 80.0}], watch_s=6.0, stop_timeout_s=0.0, resources={"memory_mb": 64.0})
    )
    assert repr((parsed.ports[0].container, parsed.watch_s, parsed.stop_timeout_s)) == "(80, 6, 0)"
    assert repr(parsed.resources.memory_mb) == "64"
    for wrong in (6.5, True, "6", float("inf")):
        with pytest.raises(InvalidSpec, match="watch_s: must be a whole number"):
            parse_spec(spec(watch_s=wrong))


def test_what_is_absent_gets_its_default() -> None:
    shown = public(parse_spec(spec()))
    assert shown == spec(
        ports=[], env={}, resources={}, volumes=[], stop_timeout_s=10, auto_rollback=False, watch_s=60, host="local"
    )


def test_numbers_in_env_become_their_text() -> None:
    assert parse_spec(spec(env={"PORT": 8080, "ID": 2**64 - 1})).env == {"PORT": "8080", "ID": "18446744073709551615"}


@pytest.mark.parametrize("value", [1.10, 1e3, 1.0, 1.2345678901234568e29, True, False, None])
def test_a_value_of_env_whose_text_is_lost_is_refused_by_its_key(value: object) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_spec(spec(env={"A": value}))
    assert (caught.value.key, caught.value.problem) == ("env.A", KeyProblem.QUOTE_IT)


def answered(statuses: list[str]) -> dict[str, Any]:
    """A check of some answers."""
    return {"http": "/", "port": 1, "status": statuses}


@pytest.mark.parametrize(
    ("key", "written", "stored"),
    [
        ("tmpfs", ["/tmp"], [{"path": "/tmp"}]),
        ("ulimits", {"nofile": 65536, "core": 0.0}, {"nofile": both(65536), "core": both(0)}),
        ("labels", {"traefik.enable": True, "n": 1}, {"traefik.enable": "true", "n": "1"}),
        ("restart", False, "no"),
        ("health", {"http": "/", "port": 1, "status": 200}, answered(["200"])),
        ("health", {"http": "/", "port": 1, "status": [200.0]}, answered(["200"])),
        ("health", {"http": "/", "port": 1, "status": "200-299, 404"}, answered(["200-299", "404"])),
        ("health", {"http": "/", "port": 1, "status": [204, "300-399"]}, answered(["204", "300-399"])),
        ("read_only", False, None),
    ],
)
def test_what_may_be_written_in_short_is_stored_in_full(key: str, written: Any, stored: Any) -> None:
    assert public(parse_spec(spec(**{key: written}))).get(key) == stored


PORT = {"container": 80}


@pytest.mark.parametrize(
    ("key", "bad"),
    [
        ("spec", CANARY),
        ("spec", [CANARY]),
        ("spec", None),
        ("name", spec(name=None)),
        ("name", spec(name="")),
        ("name", spec(name=f"Shop_{CANARY}")),
        ("name", spec(name=f"-{CANARY}")),
        ("name", spec(name=f"{CANARY}-")),
        ("name", spec(name=f"{CANARY}\n")),
        ("name", spec(name=f"../{CANARY}")),
        ("name", spec(name=CANARY + "a" * 40)),
        ("name", spec(name=[CANARY])),
        ("host", spec(host=f"{CANARY} x")),
        ("source", spec(source=None)),
        ("source", spec(source=CANARY)),
        ("source.kind", spec(source={"image": CANARY})),
        ("source.kind", spec(source={"kind": CANARY, "image": "shop:1"})),
        ("source.image", spec(source={"kind": "image"})),
        ("source.image", spec(source={"kind": "image", "image": ""})),
        ("source.image", spec(source={"kind": "image", "image": f"https://{CANARY}/x"})),
        ("source.image", spec(source={"kind": "image", "image": f"user:{CANARY}@r.example/shop:1"})),
        ("source.image", spec(source={"kind": "image", "image": f"{CANARY} --privileged"})),
        ("source.image", spec(source={"kind": "image", "image": f"{CANARY}@sha256:0"})),
        ("source.image", spec(source={"kind": "image", "image": f"{CANARY}:1\n"})),
        ("source.url", spec(source=IMAGE | {"url": CANARY})),
        ("source", spec(source={"kind": "compose"})),
        ("source", spec(source=COMPOSE | {"url": "https://git.example/shop"})),
        ("source", spec(source=COMPOSE | {"ref": CANARY})),
        ("source.url", spec(source={"kind": "compose", "url": f"https://u:{CANARY}@git.example/shop"})),
        ("source.file.0", spec(source={"kind": "compose", "url": "https://git.example/shop", "file": f"../{CANARY}"})),
        ("source.file.1", spec(source={"kind": "compose", "url": "https://git.example/shop", "file": ["a", "/b"]})),
        ("source.allow.0", spec(source=COMPOSE | {"allow": [CANARY]})),
        ("source.profiles.0", spec(source=COMPOSE | {"profiles": [f"{CANARY} x"]})),
        ("ports", spec(source=COMPOSE, ports=[{"container": 80}])),
        ("env.COMPOSE_FILE", spec(source=COMPOSE, env={"A": "1", "COMPOSE_FILE": CANARY})),
        ("secrets.COMPOSE_FILE", spec(source=COMPOSE, secrets={"COMPOSE_FILE": CANARY, "DOCKER_PASSWORD": "1"})),
        ("command", spec(source=COMPOSE, command=[CANARY])),
        ("resources", spec(source=COMPOSE, resources={"memory_mb": 64})),
        ("volumes", spec(source=COMPOSE, volumes=[{"name": "data", "path": "/data"}])),
        ("networks", spec(source=COMPOSE, networks=["backend"])),
        ("health", spec(source=COMPOSE, health={"tcp": 80})),
        ("ports", spec(ports=CANARY)),
        ("ports.0", spec(ports=[CANARY])),
        ("ports.0.container", spec(ports=[{"host": 80}])),
        ("ports.0.container", spec(ports=[{"container": CANARY}])),
        ("ports.0.container", spec(ports=[{"container": "8080"}])),
        ("ports.0.container", spec(ports=[{"container": True}])),
        ("ports.0.container", spec(ports=[{"container": 0}])),
        ("ports.0.host", spec(ports=[PORT | {"host": 65536}])),
        ("ports.1.address", spec(ports=[PORT, {"container": 81, "address": CANARY}])),
        ("ports.0.to", spec(ports=[PORT | {"to": CANARY}])),
        ("ports.0", spec(ports=[PORT | {"to": 80}])),
        ("ports.0", spec(ports=[PORT | {"to": 79}])),
        ("ports.0", spec(ports=[PORT | {"to": 1080}])),
        ("ports.0", spec(ports=[PORT | {"to": 90, "host": 65526}])),
        ("ports", spec(ports=[{"container": 80, "to": 90}, {"container": 85}])),
        ("ports", spec(ports=[{"container": 80, "to": 90, "host": 80}, {"container": 1, "host": 90}])),
        ("ports", spec(ports=[{"container": one} for one in range(1, 202)])),
        ("health.port", spec(ports=[{"container": 53, "protocol": "udp"}], health={"http": "/"})),
        ("ports.0.protocol", spec(ports=[PORT | {"protocol": CANARY}])),
        ("ports", spec(ports=[PORT | {"host": 80}, {"container": 81, "host": 80}])),
        ("ports", spec(ports=[PORT, PORT])),
        ("env", spec(env=CANARY)),
        ("env.A", spec(env={"A": [CANARY]})),
        ("env.A", spec(env={"A": None})),
        ("env.1A", spec(env={"1A": CANARY})),
        ("env.A…", spec(env={"A=B": CANARY})),
        ("secrets", spec(secrets=[CANARY])),
        ("secrets.A", spec(secrets={"A": {"value": CANARY}})),
        ("secrets.A…", spec(secrets={"A B": CANARY})),
        ("secrets", spec(env={"A": CANARY}, secrets={"A": CANARY})),
        ("health", spec(health={})),
        ("health", spec(health=CANARY)),
        ("health", spec(health={"tcp": 80, "running_s": 3})),
        ("health", spec(health={"tcp": 80, "port": 80})),
        ("health", spec(health={"tcp": 80, "host": CANARY})),
        ("health", spec(health={"running_s": 80, "status": 200})),
        ("health.host", spec(health={"http": "/", "port": 80, "host": f"{CANARY} x"})),
        ("health.host", spec(health={"http": "/", "port": 80, "host": f"{CANARY}\r\nX: y"})),
        *(
            (f"health.status{at}", spec(health={"http": "/", "port": 80, "status": bad}))
            for at, bad in (
                (".0", CANARY),
                (".0", 99),
                (".0", "399-200"),
                (".1", [200, "2xx"]),
                ("", ",".join(["200"] * 21)),
                (".0", 200.5),
                ("", []),
                (".0", True),
            )
        ),
        ("env.a.b", spec(source=COMPOSE, env={"a.b": CANARY})),
        ("secrets.a-b", spec(source=COMPOSE, secrets={"a-b": CANARY})),
        ("env.(a key that is none)", spec(env={"-a": CANARY})),
        ("health.http", spec(health={"http": CANARY, "port": 80})),
        ("health.http", spec(health={"http": f"/{CANARY} HTTP/1.1\r\nX: y", "port": 80})),
        ("health.port", spec(health={"http": "/"})),
        ("health.docker", spec(health={"docker": False})),
        ("health.tcp", spec(health={"tcp": CANARY})),
        ("health.running_s", spec(health={"running_s": 0})),
        ("health.timeout_s", spec(health={"tcp": 80, "timeout_s": float("inf")})),
        ("health.retries", spec(health={"tcp": 80, "retries": CANARY})),
        ("resources.memory_mb", spec(resources={"memory_mb": 5})),
        ("resources.memory_mb", spec(resources={"memory_mb": CANARY})),
        ("resources.cpus", spec(resources={"cpus": 0})),
        ("resources.cpus", spec(resources={"cpus": float("nan")})),
        ("resources.gpus", spec(resources={"gpus": CANARY})),
        ("volumes.0.name", spec(volumes=[{"name": f"/etc/{CANARY}", "path": "/data"}])),
        ("volumes.0.path", spec(volumes=[{"name": "data", "path": CANARY}])),
        ("volumes.0.path", spec(volumes=[{"name": "data", "path": f"/{CANARY}:ro"}])),
        ("volumes", spec(volumes=[{"name": "a", "path": "/data"}, {"name": "b", "path": "/data"}])),
        ("volumes.0", spec(volumes=[{"path": "/data"}])),
        ("volumes.0", spec(volumes=[{"name": "a", "host_path": f"/{CANARY}", "path": "/a"}])),
        ("volumes.0", spec(volumes=[{"host_path": f"/{CANARY}", "path": "/a", "existing": True}], allow=["/"])),
        ("volumes.0.host_path", spec(volumes=[{"host_path": CANARY, "path": "/a"}])),
        ("volumes.0.host_path", spec(volumes=[{"host_path": f"/srv/../{CANARY}", "path": "/a"}], allow=["/srv"])),
        ("volumes.0.host_path", spec(volumes=[{"host_path": "/srv/..", "path": "/a"}], allow=["/srv"])),
        ("volumes.0.host_path", spec(volumes=[{"host_path": f"/{CANARY}:ro", "path": "/a"}], allow=["/"])),
        ("volumes.0.host_path", spec(volumes=[{"host_path": f"/{CANARY}", "path": "/a"}])),
        (
            "volumes.1.host_path",
            spec(volumes=[{"name": "a", "path": "/a"}, {"host_path": "/srv2", "path": "/b"}], allow=["/srv"]),
        ),
        ("volumes.0.read_only", spec(volumes=[{"name": "a", "path": "/a", "read_only": CANARY}])),
        ("cap_add", spec(cap_add=["NET_ADMIN"])),
        ("cap_add", spec(cap_add=["NET_ADMIN"], allow=["devices", "privileged", "/"])),
        ("cap_add.0", spec(cap_add=[CANARY], allow=["cap_add"])),
        ("devices", spec(devices=["/dev/dri"])),
        ("devices.0", spec(devices=[f"/etc/{CANARY}"], allow=["devices"])),
        ("devices.0", spec(devices=["/dev/dri:/dev/dri:x"], allow=["devices"])),
        ("privileged", spec(privileged=True)),
        ("allow.0", spec(allow=[CANARY])),
        ("allow.0", spec(allow=["/srv/../etc"])),
        ("allow", spec(allow=CANARY)),
        ("networks", spec(networks=["backend", "backend"])),
        ("networks", spec(networks=[f"n{number}" for number in range(17)])),
        ("networks.0", spec(networks=["with.a.dot"])),
        ("user", spec(user=f"{CANARY} x")),
        ("user", spec(user=f"{CANARY}\n")),
        ("user", spec(user="")),
        ("working_dir", spec(working_dir=CANARY)),
        ("read_only", spec(read_only=CANARY)),
        ("entrypoint", spec(entrypoint=[])),
        ("entrypoint", spec(entrypoint=CANARY)),
        ("tmpfs", spec(tmpfs=CANARY)),
        ("tmpfs.0.path", spec(tmpfs=[CANARY])),
        ("tmpfs.0.path", spec(tmpfs=[f"/{CANARY}:exec"])),
        ("tmpfs.0.size_mb", spec(tmpfs=[{"path": "/tmp", "size_mb": CANARY}])),
        ("tmpfs", spec(tmpfs=["/data"], volumes=[{"name": "data", "path": "/data"}])),
        ("tmpfs", spec(tmpfs=["/data", "/data"])),
        ("shm_mb", spec(shm_mb=0)),
        ("shm_mb", spec(shm_mb=f"{CANARY}m")),
        ("ulimits", spec(ulimits=[CANARY])),
        ("ulimits.nofiles", spec(ulimits={"nofiles": 1})),
        ("ulimits.nofile", spec(ulimits={"nofile": CANARY})),
        ("ulimits.nofile", spec(ulimits={"nofile": True})),
        ("ulimits.nofile", spec(ulimits={"nofile": {"soft": 2, "hard": 1}})),
        ("ulimits.nofile", spec(ulimits={"nofile": {"soft": -1, "hard": 1}})),
        ("ulimits.nofile.soft", spec(ulimits={"nofile": -2})),
        ("labels", spec(labels=[CANARY])),
        ("labels.a", spec(labels={"a": [CANARY]})),
        ("labels.a…", spec(labels={f"a={CANARY}": "1"})),
        ("labels.backstay.workload", spec(labels={"backstay.workload": CANARY})),
        ("extra_hosts.db", spec(extra_hosts={"db": CANARY})),
        ("extra_hosts.a…", spec(extra_hosts={f"a {CANARY}": "::1"})),
        ("log.driver", spec(log={"driver": CANARY})),
        ("log.max_size_mb", spec(log={"max_size_mb": f"{CANARY}m"})),
        ("log", spec(log={"driver": "journald", "max_size_mb": 1})),
        ("restart", spec(restart=CANARY)),
        ("restart", spec(restart=True)),
        *((key, spec(source=COMPOSE, **{key: WHOLE[key]})) for key in OPTIONS),
        ("command", spec(command=CANARY)),
        ("command", spec(command=[])),
        ("command.0", spec(command=[1])),
        ("stop_timeout_s", spec(stop_timeout_s=CANARY)),
        ("stop_timeout_s", spec(stop_timeout_s=-1)),
        ("watch_s", spec(watch_s=1)),
        ("auto_rollback", spec(auto_rollback=CANARY)),
        ("auto_rollback", spec(auto_rollback="yes")),
        ("privileged", spec(privileged=CANARY)),
        ("id", spec(id=CANARY)),
    ],
    ids=lambda value: value if isinstance(value, str) and value != CANARY else "",
)
def test_a_bad_spec_is_refused_by_its_key_and_its_value_is_not_repeated(key: str, bad: Any) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_spec(bad)
    refusal = caught.value
    assert refusal.key == key
    assert refusal.problem
    assert CANARY not in repr(refusal)
    assert CANARY not in str(refusal)
    assert CANARY not in refusal.clause
    assert CANARY not in str(refusal.limits)
    # A chained exception would carry the value into a traceback.
    assert refusal.__context__ is None
    assert refusal.__cause__ is None


def test_secret_values_are_neither_shown_nor_printed() -> None:
    parsed = parse_spec(WHOLE)
    assert parsed.secrets["DB_PASSWORD"].get_secret_value() == CANARY
    for text in (repr(parsed), str(parsed), json.dumps(public(parsed)), repr(parsed.secrets), parsed.model_dump_json()):
        assert CANARY not in text


def test_a_spec_cannot_be_changed_after_it_was_checked() -> None:
    parsed = parse_spec(spec())
    with pytest.raises(ValueError, match="frozen"):
        parsed.name = "other"  # type: ignore[misc]


def test_a_release_has_the_configuration_and_the_names_of_the_secrets_alone() -> None:
    release = release_of(public(parse_spec(WHOLE)), ["Z", "DB_PASSWORD"])
    assert release["secrets"] == ["DB_PASSWORD", "Z"]
    assert set(release) == {*RELEASE_KEYS, "secrets"}
    assert "name" not in release
    assert "host" not in release
    assert CANARY not in json.dumps(release)


def test_a_release_does_not_change_with_what_is_not_part_of_it() -> None:
    one, other = public(parse_spec(WHOLE)), public(parse_spec(WHOLE | {"watch_s": 30, "host": "second"}))
    assert release_of(one, []) == release_of(other, [])


def published(*addresses: str, host: int = 8080) -> list[dict[str, Any]]:
    """Ports of one container port, each published under the same number."""
    return [{"container": 80 + at, "host": host, "address": one} for at, one in enumerate(addresses)]


@pytest.mark.parametrize(
    ("addresses", "one", "other"),
    [
        (("0.0.0.0", "127.0.0.1"), "0.0.0.0:8080", "127.0.0.1:8080"),
        (("127.0.0.1", "10.0.0.1", "0.0.0.0"), "127.0.0.1:8080", "0.0.0.0:8080"),
        (("::", "::1"), "[::]:8080", "[::1]:8080"),
        (("::1", "0:0:0:0:0:0:0:1"), "[::1]:8080", "[::1]:8080"),
        (("127.0.0.1", "::ffff:127.0.0.1"), "127.0.0.1:8080", "127.0.0.1:8080"),
    ],
)
def test_ports_that_cannot_be_published_together_are_both_named(
    addresses: tuple[str, ...], one: str, other: str
) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_spec(spec(ports=published(*addresses)))
    assert (caught.value.key, caught.value.problem) == ("ports", KeyProblem.PORTS_OVERLAP)
    assert caught.value.limits == {"one": one, "other": other}


@pytest.mark.parametrize("addresses", [("127.0.0.1", "10.0.0.1"), ("0.0.0.0", "::"), ("0.0.0.0", "::1")])
def test_one_port_on_several_addresses_is_fine(addresses: tuple[str, ...]) -> None:
    assert len(parse_spec(spec(ports=published(*addresses))).ports) == 2


def test_the_same_container_port_under_several_numbers_is_fine() -> None:
    ports = [*published("0.0.0.0", host=8080), *published("127.0.0.1", host=8081)]
    assert len(parse_spec(spec(ports=ports)).ports) == 2


def test_process_1_is_for_the_compose_file_to_say() -> None:
    for value in (True, False):
        with pytest.raises(InvalidSpec) as caught:
            parse_spec(spec(source=COMPOSE, init=value))
        assert (caught.value.key, caught.value.problem) == ("init", KeyProblem.IN_COMPOSE_FILE)
