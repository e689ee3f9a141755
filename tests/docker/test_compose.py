"""Compose files on a real Docker Engine: several containers that are one release, and can be taken back as one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from db import history
from db.metrics import containers, samples
from db.settings import Settings
from db.states import Trigger
from flows.cli.follow import failure
from flows.dispatch import carry_out
from flows.refusals import workload_named
from flows.requests import Asked, open_auto_rollback, open_deploy, request_cancel
from flows.upkeep.auto_rollback import judge
from flows.upkeep.reconcile import compare, reconcile
from flows.upkeep.sweep import sweep
from tasks.compose import cli
from tasks.containers import converge, snapshot
from tasks.context import Context
from tasks.events.classify import DockerEvent
from tasks.events.watcher import ContainerWatch
from tasks.metrics.collector import Sampler
from tasks.rollout import compose
from tests.docker.git_servers import new_repository
from tests.docker.images import Images, bring_to_its_end
from tests.docker.registries import RegistryServer, serving
from tests.docker.scenario import ME, Scenario
from tests.real_parts import wait_until

ROOT = Path(__file__).parents[2]
SHOP = """
x-usual: &usual
  init: true
  restart: unless-stopped
services:
  web:
    <<: *usual
    image: ${REGISTRY}/web:%(web)s
    environment: {COLOUR: "${COLOUR:-red}", TOKEN: "${TOKEN}", PRICE: 5$$}
    ports: ["127.0.0.1:%(port)d:8080"]
    scale: 1
    configs: [{source: motd, target: /www/motd}]
    secrets: [token]
    depends_on:
      db: {condition: service_healthy}
      migrate: {condition: service_completed_successfully}
      worker: {condition: service_started, required: false}
  db:
    <<: *usual
    image: ${REGISTRY}/db:1
    volumes: ["data:/data", /anonymous]
  migrate:
    image: ${REGISTRY}/web:1
    command: [/bin/sh, -c, "echo migrated with $$TOKEN"]
    environment: [TOKEN]
    networks: [back]
  worker:
    <<: *usual
    image: ${REGISTRY}/web:1
    command: [sleep, "3600"]
    scale: %(workers)d
    profiles: [%(worker)s]
configs:
  motd: {content: "%(motd)s for ${TOKEN}"}
secrets:
  token: {environment: TOKEN}
volumes:
  data:
networks:
  back:
"""


@dataclass
class Stack:
    """The workload of a test with the verbs of a compose file."""

    shop: Scenario
    registry: str

    def source(self, web: str = "1", motd: str = "hello", workers: int = 2, worker: str = "extra") -> dict[str, Any]:
        """The source with these parts."""
        parts = {"web": web, "motd": motd, "port": self.shop.port, "workers": workers, "worker": worker}
        return {"kind": "compose", "text": SHOP % parts}

    def create(self, **spec: Any) -> None:
        """Add the workload."""
        given = {
            "source": self.source(),
            "env": {"REGISTRY": self.registry},
            "secrets": {"TOKEN": "s3cr3t-$-{value}"},
            "health": {"running_s": 0.5, "timeout_s": 20},
            "ports": [],
        }
        wanted = given | spec
        self.shop.create_from(wanted.pop("source"), **wanted)

    def deploy(self, **parts: Any) -> dict[str, Any]:
        """Change the file and deploy it."""
        self.shop.change(source=self.source(**parts))
        return self.shop.deploy()

    def ids(self) -> dict[str, list[str]]:
        """Service -> ids of its containers."""
        found: dict[str, list[str]] = {}
        for one in self.containers():
            found.setdefault(one.labels["backstay.service"], []).append(str(one.id))
        return {service: sorted(ids) for service, ids in found.items()}

    def containers(self) -> list[Any]:
        """As Docker has them."""
        of_it = {"label": f"backstay.workload={self.shop.name}"}
        return self.shop.docker.containers.list(all=True, filters=of_it, ignore_removed=True)

    def index(self) -> set[tuple[str, str]]:
        """(service, id) of the containers that the index takes for present."""
        with self.shop.context.database.reading() as session:
            there = containers.all_present(session, "local")
            return {(one.service, one.docker_id) for one in there}


@pytest.fixture
def publish(shop: Scenario, images: Images) -> Callable[[str], Stack]:
    """Publishes the images of the stack at a registry; answers the stack."""

    def publish(registry: str) -> Stack:
        prefix = f"{registry}/{shop.name}"
        images.publish(f"{prefix}/web:1", "one", "shows_env")
        images.publish(f"{prefix}/web:2", "two", "shows_env")
        images.publish(f"{prefix}/web:broken", "broken", "exits")
        images.publish(f"{prefix}/db:1", "db", "docker_healthy")
        return Stack(shop, prefix)

    return publish


@pytest.fixture
def stack(publish: Callable[[str], Stack], registry: RegistryServer) -> Stack:
    """The stack at the registry of the session."""
    return publish(registry.address)


def names_of_images(shop: Scenario) -> list[str]:
    """The names by which the images of a workload are kept. Not `images.list`, which asks for each image of the host
    once more, and fails when one is gone by then."""
    tags = [tag for image in shop.docker.api.images() for tag in image["RepoTags"] or []]
    return [tag for tag in tags if f"/{shop.name}:v" in tag]


@pytest.mark.timeout(300)
def test_a_stack_goes_forward_and_back_as_one(
    shop: Scenario, publish: Callable[[str], Stack], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with serving(tmp_path_factory.mktemp("short-lived")) as registry:
        stack = publish(registry.address)
        stack.create()
        first = shop.deploy()
        assert (first["status"], shop.served_at_last()) == ("succeeded", "one")
        assert {name: one["digest"] is not None for name, one in first["pin"]["services"].items()} == {
            "db": True,
            "migrate": True,
            "web": True,
        }
        assert "TOKEN=s3cr3t-$-{value}" in shop.served_at_last("/env")
        assert "PRICE=5$\n" in shop.served_at_last("/env")
        assert shop.served_at_last("/motd") == "hello for s3cr3t-$-{value}"
        v1 = stack.ids()
        assert stack.index() == {(service, one) for service, ids in v1.items() for one in ids}

        assert (stack.deploy(web="2")["status"], shop.served_at_last()) == ("succeeded", "two")
        v2 = stack.ids()
        assert v2["db"] == v1["db"]
        assert v2["web"] != v1["web"]

        broken = stack.deploy(web="broken")
        assert (broken["status"], broken["error_code"], broken["stage"]) == ("failed", "exited_early", "health")
        assert shop.served_at_last() == "two"
        assert stack.ids()["db"] == v1["db"]
        assert "Version 3: service web failed: the container exited before it was healthy." in shop.messages()
        back = shop.rollback()
        assert (back["status"], back["rollback_of"], back["verified"], shop.served_at_last()) == (
            "succeeded",
            1,
            True,
            "one",
        )
        assert back["pin"]["sha256"] == first["pin"]["sha256"]

    # The registry is away from here on.
    shop.change(secrets={"TOKEN": "of today"})
    forward = shop.rollback(2)
    assert (forward["status"], shop.served_at_last()) == ("succeeded", "two")
    assert "TOKEN=of today" in shop.served_at_last("/env")
    assert shop.served_at_last("/motd") == "hello for of today"
    assert stack.ids()["db"] == v1["db"]
    compare(shop.context)
    assert shop.row(5)["verified"] is True
    assert [one for one in sweep(shop.context) if one.leftover.name.startswith("backstay-")] == []

    # Every image of every release has a name of its own, which keeps it; of two services with one image it is one.
    named = names_of_images(shop)
    wanted = [(version, service) for version in (1, 2, 4, 5) for service in ("db", "migrate")] + [
        (2, "web"),
        (5, "web"),
    ]
    assert sorted(tag.partition(":")[2] for tag in named) == sorted(f"v{v}-{service}" for v, service in wanted)

    shop.remove()
    assert names_of_images(shop) == []
    assert stack.containers() == []
    of_it = {"label": f"backstay.workload={shop.name}"}
    assert shop.docker.networks.list(filters=of_it) == []
    assert len(shop.docker.volumes.list(filters=of_it)) == 1
    assert list((shop.context.settings.home / "compose").glob("*.json")) == []


def test_a_service_that_is_gone_goes_and_one_that_comes_is_as_many_as_it_says(shop: Scenario, stack: Stack) -> None:
    stack.create(source=stack.source() | {"profiles": ["extra"]})
    first = shop.deploy()
    assert first["status"] == "succeeded", shop.messages()
    assert {service: len(ids) for service, ids in stack.ids().items()} == {"web": 1, "db": 1, "migrate": 1, "worker": 2}
    tail = snapshot.log_tail(shop.context, workload(shop), 100)
    assert "migrate-1 | migrated with [redacted]" in tail
    # A sample of each container that runs, summed up for the workload.
    tick = Sampler(shop.context).tick(1_800_000_000)
    assert (tick.rows, tick.gaps) == (4, 1)
    with shop.context.database.reading() as session:
        ((_, _, memory, _),) = samples.sums(session, workload(shop).id, tick.ts, tick.ts)
        each = samples.span(session, workload(shop).id, tick.ts, tick.ts)
    assert memory == sum(row[3] for row in each) > 0

    # Two that fall to one are no change of what a container is made of; then the profile is gone.
    shop.change(source=stack.source(workers=1) | {"profiles": ["extra"]})
    second = shop.deploy()
    assert second["pin"]["runs"]["worker"]["since"] == 1
    assert len(stack.ids()["worker"]) == 1
    shop.change(source=stack.source())
    assert shop.deploy()["status"] == "succeeded"
    assert "worker" not in stack.ids()

    # What somebody stops by hand is drift, and a container of a service that did not change is of the live version.
    state = snapshot.snapshot(shop.context, workload(shop))
    assert {one["service"]: one["version"] for one in state["containers"]} == {"web": 3, "db": 3, "migrate": 3}
    shop.docker.containers.get(stack.ids()["db"][0]).stop(timeout=1)
    compare(shop.context)
    assert shop.rows()[0]["verified"] is False
    watch, later = ContainerWatch(shop.context), time.time_ns() + 10**10
    for action, number in (("kill", 15), ("die", None)):
        watch.record(DockerEvent("db", "db", shop.name, 1, action, later, signal=number, exit_code=143, service="db"))
    assert shop.messages()[0] == "Version 3 was stopped by hand, outside Backstay."


def workload(shop: Scenario) -> Any:
    """The row of the workload."""
    from db import workloads

    with shop.context.database.reading() as session:
        return workloads.find(session, shop.name)


def test_a_file_may_change_nothing_but_a_config_and_that_is_brought_to_the_container(
    shop: Scenario, stack: Stack
) -> None:
    stack.create()
    shop.deploy()
    before = stack.ids()
    assert stack.deploy(motd="good evening")["pin"]["runs"]["web"]["since"] == 2
    assert shop.served_at_last("/motd").startswith("good evening")
    assert stack.ids()["db"] == before["db"]


NEVER = {"web.build", "web.env_file", "labels.env_file", "web.read_only"}  # whatever `source.allow` says


def test_what_must_not_be_is_refused_by_its_key_before_anything_is_touched(
    shop: Scenario, stack: Stack, tmp_path: Path
) -> None:
    stack.create()
    shop.deploy()
    before = stack.ids()
    file = tmp_path / "secret.env"
    file.write_text("PASSWORD=of-the-host")
    texts = {
        "web.privileged, web.volumes": "services: {web: {image: x, privileged: true, volumes: ['/etc:/etc']}}",
        "web.build": "services: {web: {build: .}}",
        "web.env_file": f"services: {{web: {{image: x, env_file: {file}}}}}",
        "labels.env_file": f"services: {{labels: {{image: x, env_file: {file}}}}}",
        "web.read_only": "services: {web: {image: x, read_only: true, configs: [c]}}\nconfigs: {c: {content: y}}",
        "volumes.data.external": "services: {web: {image: x, volumes: ['data:/d']}}\nvolumes: {data: {external: true}}",
        "web.container_name": "services: {web: {image: x, container_name: " + other_container(shop) + "}}",
    }
    for keys, text in texts.items():
        shop.change(source={"kind": "compose", "text": text})
        row = shop.deploy()
        assert (row["error_code"], row["stage"]) == ("invalid_source", "pin"), keys
        words = "cannot be deployed with {} as it is." if keys in NEVER else "may not use {}."
        said = f"The compose file {words.format(keys)}"
        assert any(message.startswith(said) for message in shop.messages()), keys
    with shop.context.database.reading() as session:
        newest = history.latest(session, workload(shop).id)
    assert newest is not None
    first, second, third = failure(shop.context, shop.name, newest).splitlines()
    assert first.startswith(f"backstay: {shop.name} version 8 failed while pinning the version (invalid_source): ")
    assert second.startswith("The compose file may not use web.container_name. ")
    assert third == "To allow what can be allowed of this, set source.allow to [web.container_name]."
    shop.change(source={"kind": "compose", "text": "services: {web: {image: x, prots: []}}"})
    assert shop.deploy()["error_code"] == "invalid_source"
    assert stack.ids() == before
    stored = (shop.context.settings.home / "backstay.db").read_bytes()
    assert b"of-the-host" not in stored + (shop.context.settings.home / "backstay.db-wal").read_bytes()


def test_a_file_that_is_empty_is_an_empty_line_and_never_a_directory_of_ours(
    shop: Scenario, stack: Stack, tmp_path: Path
) -> None:
    text = """
services:
  web:
    image: %s/web:1
    init: true
    volumes: ["./pages:/www/pages:ro"]
    configs: [{source: word, target: /www/word}, {source: nothing, target: /www/nothing}]
configs:
  word: {content: "${TOKEN}"}
  nothing: {content: ""}
"""
    files = {"compose.yaml": text % stack.registry, "pages/.gitkeep": "", "pages/a": "a"}
    repository = new_repository(tmp_path / "repository", files)
    stack.create(source={"kind": "compose", "url": repository.url}, secrets={"TOKEN": ""})
    row = shop.deploy()
    assert row["status"] == "succeeded", shop.messages()
    (web,) = stack.containers()
    assert web.attrs["Mounts"] == []
    for name in ("pages/.gitkeep", "word", "nothing"):
        assert web.exec_run(f"cat /www/{name}").output == b"\n"
    assert web.exec_run("cat /www/pages/a").output == b"a"


def other_container(shop: Scenario) -> str:
    """A container of somebody else."""
    web = next(one for one in shop.containers() if "-web-" in one)
    image = shop.docker.containers.get(web).attrs["Image"]
    other = shop.docker.containers.create(image, name=f"other-{shop.name}")  # has the image's label, and goes with it
    return str(other.name)


def test_without_the_program_the_code_says_so(shop: Scenario, stack: Stack, settings: Settings) -> None:
    stack.create()
    shop.context.settings = settings.model_copy(update={"compose": "/nonexistent/docker-compose"})
    row = shop.deploy()
    assert (row["error_code"], stack.containers()) == ("compose_missing", [])
    assert cli.find(shop.context.settings) is None


def test_a_version_whose_service_ends_while_it_is_watched_is_taken_back_as_a_whole(
    shop: Scenario, stack: Stack, images: Images
) -> None:
    images.publish(f"{stack.registry}/web:later", "later", "exits_when_told")
    stack.create(auto_rollback=True)
    shop.deploy()
    database = stack.ids()["db"]
    assert stack.deploy(web="later")["status"] == "succeeded"
    for one in stack.ids()["web"]:
        bring_to_its_end(shop.docker, one)
    with shop.context.database.reading() as session:
        live = history.live(session, workload(shop).id)
    assert live is not None

    def verdict() -> str | None:
        found = judge(*compose.brought_by(live, converge.observe(shop.context, shop.name)))
        return found.code if found else None

    wait_until(lambda: verdict() is not None, 30, "it never ended")
    assert verdict() in {"taken_back_restarted", "taken_back_ended"}
    opened, _, _ = open_auto_rollback(shop.context, shop.name, Asked(Trigger.SCHEDULE, "backstay"), live)
    carry_out(shop.context, opened.id, "test-engine")
    assert (shop.rows()[0]["status"], shop.rows()[0]["reason"], shop.served_at_last()) == (
        "succeeded",
        "auto_rollback",
        "one",
    )
    assert stack.ids()["db"] == database
    assert [held["pin_short"] for held in shop.held()] == [shop.row(2)["pin_short"]]


WAITS = """
services:
  web:
    image: ${REGISTRY}/web:1
    init: true
    depends_on: {db: {condition: service_healthy}}
  db:
    image: ${REGISTRY}/db:1
    init: true
    healthcheck: {test: [CMD, "false"], interval: 1s, start_period: 600s}
"""


def test_what_others_wait_for_has_the_time_limit_too_and_a_cancel_is_heard(shop: Scenario, stack: Stack) -> None:
    stack.create()
    shop.deploy()
    before = stack.ids()
    shop.change(source={"kind": "compose", "text": WAITS}, health={"running_s": 0.5, "timeout_s": 2})
    late = shop.deploy()
    assert (late["error_code"], late["stage"], late["duration_ms"] < 90_000) == ("health_timeout", "roll_out", True)
    assert "Version 2: service db failed: not healthy in time." in shop.messages()
    assert shop.served_at_last() == "one"

    shop.change(health={"running_s": 0.5, "timeout_s": 300})

    def cancel_while_it_waits() -> None:
        wait_until(lambda: "db" in stack.ids() and stack.ids()["db"] != before["db"], 60, "nothing began")
        request_cancel(shop.context, shop.name, 3)

    before = stack.ids()
    canceller = threading.Thread(target=cancel_while_it_waits)
    canceller.start()
    assert shop.deploy()["status"] == "cancelled"
    canceller.join()
    assert shop.served_at_last() == "one"
    assert {service: len(ids) for service, ids in stack.ids().items()} == {"web": 1, "db": 1, "migrate": 1}


PREPARED = """
services:
  web:
    image: ${REGISTRY}/web:1
    init: true
    ports: ["127.0.0.1:%(port)d:8080"]
    volumes: ["/etc/localtime:/etc/localtime:ro"]
  prepare:
    image: ${REGISTRY}/web:1
    init: true
    command: [/bin/sh, -c, "exit $$CODE"]
    environment: [CODE]
    %(restart)s
"""


@pytest.mark.parametrize(
    "restart", ["", "restart: on-failure", "restart: on-failure:2", "deploy: {restart_policy: {condition: none}}"]
)
def test_what_docker_would_not_start_again_may_end_and_must_end_well(
    shop: Scenario, stack: Stack, restart: str
) -> None:
    text = PREPARED % {"port": shop.port, "restart": restart}
    stack.create(source={"kind": "compose", "text": text}, env={"REGISTRY": stack.registry, "CODE": "0"})
    row = shop.deploy()
    assert (row["status"], row["verified"]) == ("succeeded", True)
    assert shop.served_at_last() == "one"
    compare(shop.context)
    assert shop.row(1)["verified"] is True
    assert states(shop) == {"web": "running", "prepare": "done"}
    shop.change(env={"REGISTRY": stack.registry, "CODE": "2"})
    failed = shop.deploy()
    assert (failed["status"], failed["error_code"]) == ("failed", "exited_early")
    assert any("service prepare failed" in line for line in shop.messages())
    assert shop.served_at_last() == "one"


def states(shop: Scenario) -> dict[str, str]:
    """Service -> how its container is shown."""
    with shop.context.database.reading() as session:
        workload = workload_named(session, shop.name)
    return {one["service"]: one["state"] for one in snapshot.snapshot(shop.context, workload)["containers"]}


def policies(stack: Stack) -> dict[str, str]:
    """Service -> when Docker starts its container again."""
    of_each = {one.labels["backstay.service"]: one.attrs["HostConfig"]["RestartPolicy"] for one in stack.containers()}
    return {service: policy["Name"] or "no" for service, policy in of_each.items()}


def test_docker_keeps_running_what_runs_and_leaves_alone_what_is_done(shop: Scenario, stack: Stack) -> None:
    text = PREPARED % {"port": shop.port, "restart": ""}
    stack.create(source={"kind": "compose", "text": text}, env={"REGISTRY": stack.registry, "CODE": "0"})
    assert shop.deploy()["status"] == "succeeded", shop.messages()
    assert policies(stack) == {"web": "always", "prepare": "no"}
    shop.docker.containers.get(stack.ids()["web"][0]).stop(timeout=1)
    compare(shop.context)
    assert shop.row(1)["verified"] is False
    shop.change(env={"REGISTRY": stack.registry, "CODE": "0", "OTHER": "1"})
    assert shop.deploy()["status"] == "succeeded", shop.messages()
    assert policies(stack) == {"web": "always", "prepare": "no"}


def test_a_stack_of_which_nothing_keeps_running_has_failed(shop: Scenario, stack: Stack) -> None:
    one = f"{{image: '{stack.registry}/web:1', command: [/bin/sh, -c, 'exit 0']}}"
    text = f"services: {{one: {one}, two: {one}}}"
    stack.create(source={"kind": "compose", "text": text})
    row = shop.deploy()
    assert (row["status"], row["error_code"]) == ("failed", "exited_early")
    assert any("Version 1: service one failed" in line for line in shop.messages())
    assert any("all services have ended" in line for line in shop.messages())
    assert stack.ids() == {}


def test_an_engine_that_is_killed_in_the_middle_leaves_the_live_release_to_be_put_back(
    shop: Scenario, stack: Stack
) -> None:
    stack.create()
    shop.deploy()
    before = stack.ids()
    shop.change(source=stack.source(web="2"))
    opened, _, _ = open_deploy(shop.context, shop.name, ME)
    code = "import sys; from tests.docker.test_compose import carry_out_in; carry_out_in(*sys.argv[1:])"
    home, address = str(shop.context.settings.home), shop.context.settings.engine_address
    engine = subprocess.Popen(
        [sys.executable, "-c", code, home, address, str(opened.id)], cwd=ROOT, start_new_session=True
    )
    try:
        # The web container of version 1 is being replaced, or has been.
        wait_until(lambda: engine.poll() is not None or stack.ids().get("web") != before["web"], 60, "nothing began")
        assert engine.poll() is None
    finally:
        engine.send_signal(signal.SIGKILL)
        engine.wait()
    reconcile(shop.context, "engine-2")
    assert [row["status"] for row in shop.rows()] == ["interrupted", "succeeded"]
    assert shop.served_at_last() == "one"
    assert stack.ids()["db"] == before["db"]
    assert {service: len(ids) for service, ids in stack.ids().items()} == {"web": 1, "db": 1, "migrate": 1}
    compare(shop.context)
    assert shop.row(1)["verified"] is True
    assert stack.index() == {(service, one) for service, ids in stack.ids().items() for one in ids}
    # Twice is once.
    served_by = stack.ids()["web"]
    with shop.context.database.writing() as session:
        from db import workloads

        workloads.set_needs_reconcile(session, opened.workload_id, True)
    reconcile(shop.context, "engine-2")
    assert stack.ids()["web"] == served_by
    assert shop.deploy()["status"] == "succeeded"
    assert shop.served_at_last() == "two"


def test_what_runs_on_is_kept_running_by_docker_and_what_runs_once_is_not(shop: Scenario, stack: Stack) -> None:
    def policies() -> dict[str, str]:
        found = {one.labels["backstay.service"]: one.attrs["HostConfig"]["RestartPolicy"] for one in stack.containers()}
        return {service: policy["Name"] or "no" for service, policy in found.items()}

    stack.create()
    assert shop.deploy()["status"] == "succeeded"
    assert policies() == {"web": "always", "db": "always", "migrate": "no"}
    for one in stack.containers():  # as after a failed deploy: put back from the stored file
        one.remove(force=True)
    with shop.context.database.writing() as session:
        from db import workloads

        workloads.set_needs_reconcile(session, workload(shop).id, True)
    reconcile(shop.context, "engine-2")
    assert policies() == {"web": "always", "db": "always", "migrate": "no"}


def carry_out_in(home: str, docker_host: str, deploy_id: str) -> None:
    """An engine of its own process, which is to be killed."""
    context = Context.open(Settings(home=Path(home), docker_host=docker_host), "victim", quiet=True)
    print(json.dumps(carry_out(context, int(deploy_id), "engine-1")))
