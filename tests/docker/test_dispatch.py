"""The choke point on a real Docker Engine with a real registry: what ends how, and what serves afterwards."""

from __future__ import annotations

import json
import socket
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from db import workloads
from db.states import Stage
from flows import dispatch
from flows.requests import open_deploy, request_cancel
from flows.workloads import lifecycle
from tasks.context import Context
from tasks.docker.client import DockerEngine
from tasks.failures import Failure
from tasks.job import Job
from tasks.kinds.image import ImageKind
from tasks.rollout import single
from tasks.rollout.health import http_answers
from tests.docker.images import Images
from tests.docker.registries import RegistryServer, serving
from tests.docker.scenario import ME, Scenario
from tests.real_parts import wait_until

Tag = Callable[[str], str]


def test_a_deploy_pins_the_digest_runs_it_and_is_verified(shop: Scenario, images: Images, tag: Tag) -> None:
    published = images.publish(tag("1"), "version one")
    shop.create(tag("1"))
    row = shop.deploy()
    assert (row["status"], row["live"], row["verified"]) == ("succeeded", True, True)
    assert row["pin"]["digest"] == published.digest
    assert row["pin"]["image_id"] == published.image_id
    assert [stage["name"] for stage in row["stages"]] == ["pin", "prepare", "roll_out", "health", "verify", "finish"]
    assert shop.served() == "version one"
    assert shop.containers() == {f"{shop.name}-v1": "running"}


def test_a_moved_tag_is_no_way_back_but_the_pin_is(shop: Scenario, images: Images, tag: Tag) -> None:
    images.publish(tag("latest"), "the first")
    shop.create(tag("latest"))
    shop.deploy()
    images.publish(tag("latest"), "the second")
    assert shop.deploy()["pin"] != shop.rows()[1]["pin"]
    assert shop.served() == "the second"
    back = shop.rollback()
    assert (back["status"], back["reason"], back["rollback_of"]) == ("succeeded", "rollback", 1)
    assert shop.served() == "the first"
    assert shop.containers() == {f"{shop.name}-v3": "running"}


def test_an_unknown_tag_fails_and_the_old_version_serves(shop: Scenario, images: Images, tag: Tag) -> None:
    images.publish(tag("1"), "one")
    shop.create(tag("1"))
    shop.deploy()
    row = shop.deploy(tag("nope"))
    assert (row["status"], row["error_code"], row["stage"]) == ("failed", "reference_not_found", "pin")
    assert row["pin"] is None
    assert shop.served() == "one"
    assert shop.containers() == {f"{shop.name}-v1": "running"}


@pytest.mark.parametrize(
    ("behaviour", "spec", "code", "stage"),
    [
        ("broken_health", {"health": {"http": "/healthz", "timeout_s": 1}}, "health_timeout", "health"),
        ("never_listens", {"health": {"tcp": 8080, "timeout_s": 1}}, "health_timeout", "health"),
        ("docker_unhealthy", {"health": {"docker": True, "timeout_s": 20}}, "health_timeout", "health"),
        ("exits", {"health": {"running_s": 2}}, "exited_early", "health"),
        ("eats_memory", {"resources": {"memory_mb": 16}, "health": {"running_s": 5}}, "out_of_memory", "health"),
    ],
)
def test_a_bad_version_fails_with_its_code_and_leaves_the_old_one_serving(
    shop: Scenario, images: Images, tag: Tag, behaviour: str, spec: dict[str, object], code: str, stage: str
) -> None:
    images.publish(tag("good"), "good")
    images.publish(tag("bad"), "bad", behaviour)
    shop.create(tag("good"))
    shop.deploy()
    before = shop.containers()
    shop.change(**spec)
    row = shop.deploy(tag("bad"))
    assert (row["status"], row["error_code"], row["stage"]) == ("failed", code, stage)
    assert shop.served() == "good"
    assert shop.containers() == before


def test_a_check_without_options_has_the_time_that_docker_takes_for_it(
    shop: Scenario, images: Images, tag: Tag
) -> None:
    images.publish(tag("1"), "one", "docker_healthy_by_default")
    shop.create(tag("1"))
    row = shop.deploy()
    assert (row["status"], row["error_code"], shop.served()) == ("succeeded", None, "one")
    assert shop.docker.containers.list(filters={"label": f"backstay.workload={shop.name}"})[0].health == "healthy"


def test_the_row_of_a_failed_deploy_ends_when_the_old_version_works_again(
    shop: Scenario, images: Images, tag: Tag
) -> None:
    images.publish(tag("slow"), "slow", "slow_start")  # listens two seconds after its start
    images.publish(tag("bad"), "bad", "never_listens")
    shop.create(tag("slow"), health={"tcp": 8080, "timeout_s": 6})
    shop.deploy()
    shop.change(health={"tcp": 8080, "timeout_s": 1})
    assert shop.deploy(tag("bad"))["error_code"] == "health_timeout"
    # Asked once: Docker's proxy takes a connection for a container that does not listen yet, and resets it.
    with urllib.request.urlopen(f"http://127.0.0.1:{shop.port}/", timeout=5) as answer:
        assert answer.read() == b"slow"


def test_a_first_deploy_that_fails_leaves_no_container(shop: Scenario, images: Images, tag: Tag) -> None:
    images.publish(tag("bad"), "bad", "exits")
    shop.create(tag("bad"))
    row = shop.deploy()
    assert row["error_code"] == "exited_early"
    assert shop.containers() == {}
    assert shop.rows()[0]["live"] is False


def test_a_wrong_registry_password_is_auth_required_and_is_written_nowhere(
    shop: Scenario, context: Context, private_registry: RegistryServer, images: Images, workload_name: str
) -> None:
    image = f"{private_registry.address}/{workload_name}:1"
    images.publish(image, "private")
    shop.create(image)
    shop.know_registry(private_registry.address, private_registry.username, "wr0ng-passw0rd")
    assert shop.deploy()["error_code"] == "auth_required"
    assert shop.containers() == {}
    shop.know_registry(private_registry.address, private_registry.username, private_registry.password)
    assert shop.deploy()["status"] == "succeeded"
    for secret in ("wr0ng-passw0rd", private_registry.password):
        for file in context.settings.home.rglob("*"):
            assert not file.is_file() or secret.encode() not in file.read_bytes(), file


def test_a_private_registry_without_credentials_is_auth_required(
    shop: Scenario, private_registry: RegistryServer, images: Images, workload_name: str
) -> None:
    image = f"{private_registry.address}/{workload_name}:1"
    images.publish(image, "private")
    shop.create(image)
    assert shop.deploy()["error_code"] == "auth_required"


def test_a_port_that_another_program_has_is_port_in_use(shop: Scenario, images: Images, tag: Tag) -> None:
    images.publish(tag("1"))
    shop.create(tag("1"))
    with socket.create_server(("127.0.0.1", shop.port)):
        row = shop.deploy()
    assert (row["error_code"], row["stage"]) == ("port_in_use", "roll_out")
    assert f"a program outside Docker has the port {shop.port}/tcp of the host" in " ".join(shop.messages())
    assert shop.containers() == {}
    assert shop.deploy()["status"] == "succeeded"


def test_a_port_of_another_container_is_said_with_its_name(shop: Scenario, images: Images, tag: Tag) -> None:
    images.publish(tag("1"))
    shop.create(tag("1"))
    assert shop.deploy()["status"] == "succeeded"
    first, second = shop.name, f"{shop.name}-b"
    lifecycle.create(shop.context, {**workload_spec(shop), "name": second}, "tester")
    other = replace(shop, name=second)
    try:
        assert other.deploy()["error_code"] == "port_in_use"
        assert f"the app {first} has the port {shop.port}/tcp of the host" in " ".join(other.messages())
    finally:
        other.remove()


def workload_spec(shop: Scenario) -> dict[str, Any]:
    """The spec of the scenario's app as it is stored."""
    with shop.context.database.reading() as session:
        workload = workloads.find(session, shop.name)
        assert workload is not None
        return workload.spec


def test_without_an_engine_a_deploy_fails_and_nothing_is_lost(
    shop: Scenario, context: Context, images: Images, tag: Tag
) -> None:
    images.publish(tag("1"), "one")
    shop.create(tag("1"))
    shop.deploy()
    context.docker, there = DockerEngine("unix:///nonexistent/docker.sock", context.log), context.docker
    row = shop.deploy()
    assert (row["status"], row["error_code"]) == ("failed", "engine_unreachable")
    context.docker = there
    assert shop.served() == "one"
    assert shop.deploy()["status"] == "succeeded"


def test_a_registry_that_is_away_does_not_hinder_a_rollback(
    shop: Scenario, images: Images, workload_name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with serving(tmp_path_factory.mktemp("short-lived")) as registry:
        one, two = (f"{registry.address}/{workload_name}:{version}" for version in "12")
        images.publish(one, "one")
        images.publish(two, "two")
        shop.create(one)
        shop.deploy()
        shop.deploy(two)
    back = shop.rollback()
    assert (back["status"], shop.served()) == ("succeeded", "one")
    images.forget(shop.rows()[1]["pin"]["image_id"])
    lost = shop.rollback(2)
    assert (lost["status"], lost["error_code"]) == ("failed", "source_unavailable")
    assert shop.served() == "one"


def test_a_pin_that_the_registry_lost_is_pin_unavailable(shop: Scenario, images: Images, tag: Tag) -> None:
    images.publish(tag("1"), "one")
    images.publish(tag("2"), "two")
    shop.create(tag("1"))
    first = shop.deploy()
    shop.deploy(tag("2"))
    images.forget(first["pin"]["image_id"])
    with shop.context.database.engine.begin() as connection:
        gone = first["pin"] | {"digest": f"sha256:{'0' * 64}"}
        connection.exec_driver_sql("UPDATE deploy_history SET pin = ? WHERE id = ?", (json.dumps(gone), first["id"]))
    assert shop.rollback(1)["error_code"] == "pin_unavailable"
    assert shop.served() == "two"


def test_a_local_image_is_pinned_by_its_id(shop: Scenario, images: Images) -> None:
    name = f"localhost/{shop.name}:1"
    image_id = images.build(name, "local")
    shop.create(name)
    row = shop.deploy()
    assert (row["status"], row["pin"]["image_id"], row["pin"]["digest"]) == ("succeeded", image_id, None)
    assert row["pin_short"] == image_id.removeprefix("sha256:")[:12]
    assert any("The image on this host was used" in message for message in shop.messages())


def test_a_rollback_brings_the_configuration_back_and_uses_todays_secret(
    shop: Scenario, images: Images, tag: Tag
) -> None:
    images.publish(tag("1"), "one", "shows_env")
    images.publish(tag("2"), "two", "shows_env")
    shop.create(
        tag("1"),
        env={"COLOUR": "red"},
        secrets={"TOKEN": "first-secret"},
        volumes=[{"name": "data", "path": "/data"}],
        resources={"memory_mb": 32},
    )
    shop.deploy()
    shop.change(env={"COLOUR": "blue"}, secrets={"TOKEN": "second-secret"}, resources={"memory_mb": 48})
    shop.deploy(tag("2"))
    assert "COLOUR=blue" in shop.served("/env")
    shop.rollback()
    assert "COLOUR=red" in shop.served("/env")
    assert "TOKEN=second-secret" in shop.served("/env")
    running = shop.docker.containers.get(f"{shop.name}-v3")
    assert running.attrs["HostConfig"]["Memory"] == 32 * 1024 * 1024
    assert running.attrs["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert running.exec_run("cat /data/starts").output.decode().count("started") == 3  # the volume is kept


def test_a_rollback_keeps_what_was_changed_and_not_deployed(shop: Scenario, images: Images, tag: Tag) -> None:
    images.publish(tag("1"), "one", "shows_env")
    images.publish(tag("2"), "two", "shows_env")
    shop.create(tag("1"), env={"COLOUR": "red"})
    shop.deploy()
    shop.change(env={"COLOUR": "blue"})
    shop.deploy(tag("2"))
    shop.change(env={"PENDING": "mine"})
    shop.rollback()
    assert "COLOUR=red" in shop.served("/env")
    assert "PENDING" not in shop.served("/env")
    with shop.context.database.reading() as session:
        workload = workloads.find(session, shop.name)
        assert workload is not None
        spec = workload.spec
    assert (spec["source"]["image"], spec["env"]) == (tag("1"), {"COLOUR": "red", "PENDING": "mine"})
    assert any("stay for the next deploy: env.PENDING" in message for message in shop.messages())
    shop.deploy()
    assert {"COLOUR=red", "PENDING=mine"} <= set(shop.served("/env").split())


def test_success_makes_the_deployed_image_the_spec_and_a_patch_meanwhile_is_kept(
    shop: Scenario, images: Images, tag: Tag
) -> None:
    images.publish(tag("1"), "one")
    images.publish(tag("2"), "two")
    shop.create(tag("1"))
    shop.deploy()
    opened, _, _ = open_deploy(shop.context, shop.name, ME, tag("2"))
    shop.change(env={"LATER": "yes"})
    dispatch.carry_out(shop.context, opened.id, "test-engine")
    with shop.context.database.reading() as session:
        workload = workloads.find(session, shop.name)
        assert workload is not None
        assert workload.spec["source"]["image"] == tag("2")
        assert workload.spec["env"] == {"LATER": "yes"}


def test_versions_that_want_different_ports_overlap_and_the_old_one_goes_last(
    shop: Scenario, images: Images, tag: Tag
) -> None:
    images.publish(tag("1"), "one")
    images.publish(tag("2"), "two", "slow_start")
    shop.create(tag("1"), ports=[{"container": 8080}])
    shop.deploy()
    old = shop.docker.containers.get(f"{shop.name}-v1")
    (address,) = [one["IPAddress"] for one in old.attrs["NetworkSettings"]["Networks"].values()]
    seen: list[bool] = []
    shop.context.stopping = Watcher(address, seen)
    assert shop.deploy(tag("2"))["status"] == "succeeded"
    assert seen and all(seen)
    assert shop.containers() == {f"{shop.name}-v2": "running"}


class Watcher(threading.Event):
    """The order to stop, which never comes; each wait of the health gate also looks whether the old version serves."""

    def __init__(self, address: str, seen: list[bool]) -> None:
        super().__init__()
        self.address, self.seen = address, seen

    def wait(self, timeout: float | None = None) -> bool:
        """Ask the old version, then wait."""
        self.seen.append(http_answers(self.address, 8080, "/"))
        return super().wait(timeout)


def test_an_order_to_stop_interrupts_at_the_next_step_and_puts_the_old_version_back(
    shop: Scenario, images: Images, tag: Tag
) -> None:
    images.publish(tag("1"), "one")
    images.publish(tag("2"), "two", "never_listens")
    shop.create(tag("1"))
    shop.deploy()

    def stop_while_it_waits_for_health() -> None:
        wait_until(
            lambda: (shop.rows()[0]["version"], shop.rows()[0]["stage"]) == (2, "health"), 60, "it never came to health"
        )
        shop.context.stopping.set()

    threading.Thread(target=stop_while_it_waits_for_health).start()
    shop.change(health={"tcp": 8080, "timeout_s": 120})
    row = shop.deploy(tag("2"))
    assert (row["status"], row["error_code"], row["stage"]) == ("interrupted", "interrupted", "health")
    assert shop.served() == "one"


def test_a_cancel_that_comes_while_it_is_verified_is_heard_before_the_new_version_takes_over(
    shop: Scenario, images: Images, tag: Tag
) -> None:
    images.publish(tag("1"), "one")
    images.publish(tag("2"), "two")
    shop.create(tag("1"))
    shop.deploy()

    def call(stage: Stage, step: Callable[[Job], None], job: Job) -> Failure | None:
        failure = dispatch.attempt(stage, step, job)
        if stage is Stage.VERIFY:
            assert request_cancel(shop.context, shop.name, 2).status == "running"
        return failure

    opened, _, _ = open_deploy(shop.context, shop.name, ME, tag("2"))
    assert dispatch.carry_out(shop.context, opened.id, "test-engine", call=call) == "cancelled"
    row = shop.row(2)
    assert (row["status"], row["stage"], row["live"]) == ("cancelled", "finish", False)
    assert shop.served() == "one"
    assert shop.containers() == {f"{shop.name}-v1": "running"}


def test_an_order_to_stop_comes_too_late_for_what_is_verified(shop: Scenario, images: Images, tag: Tag) -> None:
    images.publish(tag("1"), "one")
    shop.create(tag("1"))

    def call(stage: Stage, step: Callable[[Job], None], job: Job) -> Failure | None:
        failure = dispatch.attempt(stage, step, job)
        if stage is Stage.VERIFY:
            job.context.stopping.set()
        return failure

    opened, _, _ = open_deploy(shop.context, shop.name, ME)
    assert dispatch.carry_out(shop.context, opened.id, "test-engine", call=call) == "succeeded"
    assert (shop.row(1)["live"], shop.served()) == (True, "one")


def test_the_stage_that_fails_is_in_the_row_with_its_time_the_last_one_too(
    shop: Scenario, images: Images, tag: Tag, monkeypatch: pytest.MonkeyPatch
) -> None:
    images.publish(tag("1"), "one")
    shop.create(tag("1"))
    for stage in (Stage.HEALTH, Stage.FINISH):
        with monkeypatch.context() as patched:
            patched.setattr(single, {Stage.HEALTH: "check_health", Stage.FINISH: "settle"}[stage], break_down)
            row = shop.deploy()
        assert (row["error_code"], row["stage"]) == ("internal", stage)
        assert [one["name"] for one in row["stages"]] == [*Stage][: [*Stage].index(stage) + 1]
        assert all(0 <= one["ms"] < 60_000 for one in row["stages"])


def test_a_row_ends_also_when_whether_it_changes_anything_cannot_be_told(
    shop: Scenario, images: Images, tag: Tag, monkeypatch: pytest.MonkeyPatch
) -> None:
    images.publish(tag("1"), "one")
    shop.create(tag("1"))
    monkeypatch.setattr(ImageKind, "is_unchanged", break_down)
    row = shop.deploy()
    assert (row["status"], row["error_code"], row["stage"]) == ("failed", "internal", "prepare")


def break_down(*_: object) -> None:
    """Fail in a way that nobody foresaw."""
    raise RuntimeError("broken")


def test_what_runs_is_compared_with_the_pin(
    shop: Scenario, images: Images, tag: Tag, monkeypatch: pytest.MonkeyPatch
) -> None:
    images.publish(tag("1"), "one")
    images.publish(tag("2"), "two")
    shop.create(tag("1"))
    shop.deploy()

    def verify_another_pin(job: Job) -> None:
        job.pin = (job.pin or {}) | {"image_id": f"sha256:{'1' * 64}"}
        single.verify(job)

    monkeypatch.setitem(dispatch.STEPS, Stage.VERIFY, verify_another_pin)
    row = shop.deploy(tag("2"))
    assert (row["status"], row["error_code"], row["verified"]) == ("failed", "pin_mismatch", False)
    assert shop.served() == "one"
    assert shop.containers() == {f"{shop.name}-v1": "running"}


def test_a_failed_row_holds_a_code_and_nothing_of_the_error(shop: Scenario, images: Images, tag: Tag) -> None:
    images.publish(tag("bad"), "bad")
    shop.create(
        tag("bad"), secrets={"KEY": "s3cret-value-42"}, command=["/bin/sh", "-c", "echo going down with $KEY; exit 3"]
    )
    assert shop.deploy()["error_code"] == "exited_early"
    stored = (shop.context.settings.home / "backstay.db").read_bytes()
    stored += (shop.context.settings.home / "backstay.db-wal").read_bytes()
    assert b"down with" not in stored.replace(b"echo going down with", b"")  # the container's own words
    assert b"s3cret-value-42" not in stored
    log = (shop.context.settings.logs / "test.jsonl").read_text()
    assert "going down with [redacted]" in log
    assert "s3cret-value-42" not in log


def test_what_fails_its_check_is_held_where_the_workload_goes_back_by_itself(
    shop: Scenario, images: Images, tag: Tag
) -> None:
    images.publish(tag("1"), "one")
    bad = images.publish(tag("bad"), f"{shop.name} bad", "broken_health")
    shop.create(tag("1"), health={"http": "/healthz", "timeout_s": 1})
    shop.deploy()
    assert shop.deploy(tag("bad"))["error_code"] == "health_timeout"
    assert shop.held() == []
    shop.change(auto_rollback=True)
    assert shop.deploy(tag("nope"))["error_code"] == "reference_not_found"
    assert shop.held() == []
    shop.deploy(tag("bad"))
    assert [pin["pin_short"] for pin in shop.held()] == [bad.digest.removeprefix("sha256:")[:12]]
    assert shop.held()[0]["reason"] == "auto_rollback"


def test_what_was_rolled_back_from_is_held_until_a_person_deploys_it(shop: Scenario, images: Images, tag: Tag) -> None:
    images.publish(tag("1"), "one")
    bad = images.publish(tag("2"), "two")
    shop.create(tag("1"))
    shop.deploy()
    shop.deploy(tag("2"))
    shop.rollback()
    assert [pin["pin_short"] for pin in shop.held()] == [bad.digest.removeprefix("sha256:")[:12]]
    shop.deploy(tag("2"))
    assert shop.held() == []
