"""What happens to real containers moves the status of their workload in seconds, and what stayed down comes back."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from docker.models.containers import Container
from sqlalchemy import event

from db import history, workloads
from db.health import status
from db.health.status import Standing
from db.settings import Settings
from flows.upkeep.reconcile import compare
from flows.upkeep.status_keeper import StatusKeeper
from tasks.context import Context
from tasks.events.watcher import ContainerWatch
from tests.docker.images import Images, bring_to_its_end
from tests.docker.refusing_engine import refusing
from tests.docker.scenario import Scenario
from tests.real_parts import wait_until

WITHIN_S = 30  # on a busy machine; on a quiet one it is a second or two


@contextmanager
def keeping(context: Context) -> Iterator[tuple[StatusKeeper, ContainerWatch]]:
    """Run the two threads of the engine that this is about."""
    keeper = StatusKeeper(context)
    watch = ContainerWatch(context, keeper.wake, keeper.has_started)
    keeper.docker_is_back = watch.connect
    watch.start()
    keeper.start()
    yield keeper, watch
    keeper.stop()
    watch.stop()


@pytest.fixture
def kept(context: Context) -> Iterator[StatusKeeper]:
    """What keeps the status, over the Engine itself."""
    with keeping(context) as (keeper, _):
        yield keeper


def standing(shop: Scenario) -> Standing:
    """The status as everybody is told."""
    with shop.context.database.reading() as session:
        workload = workloads.find(session, shop.name)
        assert workload is not None
        live, last = history.live(session, workload.id), history.latest(session, workload.id)
        return status.standing(workload, live, last, status.find(session, workload.id), watched=True)


def becomes(shop: Scenario, *expected: str | None) -> Standing:
    """Wait for a status and its reason; answers all of it."""
    wait_until(lambda: seen(shop) == expected, WITHIN_S, lambda: f"{standing(shop)}\n" + "\n".join(shop.messages()))
    return standing(shop)


def seen(shop: Scenario) -> tuple[str, str | None]:
    """Status and reason."""
    found = standing(shop)
    return found.status, found.reason


def deployed(shop: Scenario, images: Images, behaviour: str = "ok", **spec: Any) -> None:
    """A workload whose first version is live."""
    image = f"localhost/{shop.name}:1"
    images.build(image, "one", behaviour)
    shop.create(image, **{"health": {"running_s": 0.5}} | spec)
    row = shop.deploy()
    assert row["status"] == "succeeded", row["error_code"]


def kills(shop: Scenario) -> None:
    """Kill the main process behind Docker's back."""
    container = shop.docker.containers.get(f"{shop.name}-v1")
    os.kill(container.attrs["State"]["Pid"], 9)


def runs(shop: Scenario) -> bool:
    """Whether Docker says that its container runs."""
    return shop.containers() == {f"{shop.name}-v1": "running"}


def test_two_crashes_within_ten_minutes_are_crashing_and_one_line(
    shop: Scenario, images: Images, kept: StatusKeeper
) -> None:
    deployed(shop, images, "exits_when_told")
    assert seen(shop) == ("live", None)
    bring_to_its_end(shop.docker, f"{shop.name}-v1")
    # Its file is there for good, so it ends again each time that Docker starts it.
    found = becomes(shop, "crashing", "crashed")
    assert found.restarts_10m >= 2
    assert found.exit_code == 4
    assert found.since is not None
    wait_until(lambda: standing(shop).restarts_10m >= 4, WITHIN_S, lambda: str(standing(shop)))
    crashed = [message for message in shop.messages() if "crashed" in message]
    assert len(crashed) == 1
    assert "times within 1 min, last with exit code 4" in crashed[0]
    assert standing(shop).since == found.since


def test_a_container_that_ran_out_of_memory_is_down_and_says_why(
    shop: Scenario, images: Images, kept: StatusKeeper
) -> None:
    deployed(shop, images, "eats_memory_when_told", resources={"memory_mb": 20}, restart="no")
    bring_to_its_end(shop.docker, f"{shop.name}-v1")
    found = becomes(shop, "down", "out_of_memory")
    assert (found.exit_code, found.restarts_10m) == (137, 1)


def test_what_a_person_stopped_is_down_and_stays_down(shop: Scenario, images: Images, kept: StatusKeeper) -> None:
    deployed(shop, images)
    past_grace()
    container = shop.docker.containers.get(f"{shop.name}-v1")
    container.stop(timeout=2)
    found = becomes(shop, "down", "stopped_by_hand")
    assert found.exit_code == 143
    kept.wake(after_s=0)
    compare(shop.context)  # the look of the next minute
    assert seen(shop) == ("down", "stopped_by_hand")
    assert shop.containers() == {f"{shop.name}-v1": "exited"}
    container.start()
    becomes(shop, "live", None)


def test_a_failing_check_is_unhealthy_until_it_passes(shop: Scenario, images: Images, kept: StatusKeeper) -> None:
    deployed(shop, images, "docker_healthy", health={"docker": True})
    container = shop.docker.containers.get(f"{shop.name}-v1")
    assert container.exec_run(["rm", "/www/healthz"]).exit_code == 0
    becomes(shop, "unhealthy", "health_check_failed")
    assert container.exec_run(["touch", "/www/healthz"]).exit_code == 0
    becomes(shop, "live", None)


@pytest.mark.parametrize("health", [{"http": "/healthz"}, {"tcp": 8080}], ids=["http", "tcp"])
def test_the_check_of_the_spec_is_probed_as_long_as_it_is_live(
    shop: Scenario, images: Images, kept: StatusKeeper, health: dict[str, Any]
) -> None:
    deployed(shop, images, "serves_beside", health=health)
    container = shop.docker.containers.get(f"{shop.name}-v1")
    spoils, mends = {
        "http": ("rm /www/healthz", "touch /www/healthz"),
        "tcp": ("busybox killall httpd", "httpd -p 8080 -h /www"),
    }["http" if "http" in health else "tcp"]
    assert container.exec_run(["sh", "-c", spoils]).exit_code == 0
    becomes(shop, "unhealthy", "health_check_failed")
    assert container.exec_run(["sh", "-c", mends]).exit_code == 0
    becomes(shop, "live", None)


def test_what_somebody_removed_is_down(shop: Scenario, images: Images, kept: StatusKeeper) -> None:
    deployed(shop, images)
    shop.docker.containers.get(f"{shop.name}-v1").remove(force=True)
    becomes(shop, "down", "container_gone")
    assert shop.deploy()["status"] == "succeeded"
    becomes(shop, "live", None)


@contextmanager
def taken(port: int, when: Callable[[], None]) -> Iterator[None]:
    """Take a port as soon as it is free, after `when` has freed it."""
    listener = socket.socket()
    when()
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        with suppress(OSError):
            listener.bind(("0.0.0.0", port))
            break
    listener.listen()
    yield
    listener.close()


def test_what_docker_gave_up_comes_back_when_its_port_is_free(
    shop: Scenario, images: Images, kept: StatusKeeper
) -> None:
    deployed(shop, images)
    with taken(shop.port, lambda: kills(shop)):
        becomes(shop, "down", "port_in_use")
        wait_until(lambda: any("could not be started" in one for one in shop.messages()), WITHIN_S, "it is not said")
        assert "a host port is already in use" in next(one for one in shop.messages() if "could not" in one)
    becomes(shop, "live", None)
    assert runs(shop)
    assert shop.served_at_last() == "one"
    assert "Version 1 was down and was started again." in shop.messages()
    assert not [one for one in shop.messages() if "by hand" in one]


def past_grace() -> None:
    """Let the moments pass in which a stop still counts as the deploy's that has just ended."""
    time.sleep(2.1)


def test_without_docker_nothing_is_known(shop: Scenario, images: Images, settings: Settings) -> None:
    deployed(shop, images)
    deaf = Context.open(settings.model_copy(update={"docker_host": f"unix://{settings.home}/no.sock"}), quiet=True)
    compare(deaf)
    deaf.close()
    assert seen(shop) == ("unknown", "docker_away")
    compare(shop.context)
    assert seen(shop) == ("live", None)


def test_while_docker_is_away_nothing_is_known_and_all_is_again_when_it_is_back(
    shop: Scenario, images: Images, settings: Settings, tmp_path: Path
) -> None:
    deployed(shop, images)
    past_grace()
    with refusing(tmp_path, settings.engine_address) as proxy:
        context = Context.open(settings.model_copy(update={"docker_host": proxy.address}), quiet=True)
        with keeping(context) as (_, watch):
            wait_until(lambda: any("/events" in line for line in proxy.asked), WITHIN_S, "it does not follow")
            proxy.refused.append(".")
            assert watch._stream is not None
            watch._stream.close()  # as a dockerd that ends does it
            becomes(shop, "unknown", "docker_away")
            proxy.refused.clear()
            becomes(shop, "live", None)
            shop.docker.containers.get(f"{shop.name}-v1").stop(timeout=1)
            becomes(shop, "down", "stopped_by_hand")
        context.close()


def test_a_look_that_finds_nothing_new_writes_nothing(shop: Scenario, images: Images) -> None:
    deployed(shop, images)
    compare(shop.context)
    statements = list[str]()
    event.listen(shop.context.database.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    compare(shop.context)
    assert statements
    assert [one for one in statements if not one.startswith(("SELECT", "BEGIN", "PRAGMA"))] == []


STACK = """
services:
  web: {image: %(image)s, depends_on: {prepare: {condition: service_completed_successfully}}}
  db: {image: %(image)s, stop_grace_period: 1s}
  cache: {image: %(image)s, stop_grace_period: 1s}
  prepare: {image: %(image)s, command: [/bin/sh, -c, "echo done"]}
"""


def test_a_stack_of_which_a_service_is_down_is_degraded_and_its_finished_job_is_done(
    shop: Scenario, images: Images, kept: StatusKeeper
) -> None:
    image = f"localhost/{shop.name}:1"
    images.build(image, "one")
    shop.create_from({"kind": "compose", "text": STACK % {"image": image}}, ports=[], health={"running_s": 0.5})
    assert shop.deploy()["status"] == "succeeded", shop.messages()
    kept.wake(after_s=0)
    past_grace()
    assert seen(shop) == ("live", None)
    container(shop, "db").stop(timeout=1)
    assert becomes(shop, "degraded", "stopped_by_hand").services == ("db",)
    container(shop, "cache").stop(timeout=1)
    wait_until(lambda: standing(shop).services == ("cache", "db"), WITHIN_S, lambda: str(standing(shop)))
    container(shop, "web").stop(timeout=1)
    assert becomes(shop, "down", "stopped_by_hand").services == ("cache", "db", "web")
    for service in ("db", "cache", "web"):
        container(shop, service).start()
    becomes(shop, "live", None)


def container(shop: Scenario, service: str) -> Container:
    """The container of a service."""
    labels = [f"backstay.workload={shop.name}", f"backstay.service={service}"]
    (found,) = shop.docker.containers.list(all=True, filters={"label": labels}, ignore_removed=True)
    return found
