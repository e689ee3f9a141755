"""What happens to real containers is told apart and written down, also what happened while nobody looked."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator

import docker
import pytest
from docker.models.containers import Container as DockerContainer
from sqlalchemy import select

from db import workloads
from db.metrics import counters
from db.migrate import upgrade
from db.models import ContainerEvent
from db.settings import Settings
from flows.upkeep.reconcile import reconcile
from tasks.context import Context
from tasks.events.classify import OOM_WITHIN_NS
from tasks.events.watcher import ContainerWatch
from tests.docker.adopted_app import OLD, adopt, strangers
from tests.docker.images import Images, bring_to_its_end
from tests.docker.scenario import Scenario
from tests.real_parts import free_port, wait_until

DEPLOYED = ["start:deploy"]


@pytest.fixture
def context(settings: Settings) -> Iterator[Context]:
    """A context over an empty ledger."""
    context = Context.open(settings, "test", quiet=True)
    upgrade(context.database)
    yield context
    context.close()


@pytest.fixture
def shop(context: Context, docker_client: docker.DockerClient, workload_name: str, images: Images) -> Scenario:
    """A workload whose first version is live."""
    shop = Scenario(context, docker_client, workload_name, free_port())
    images.build(f"localhost/{workload_name}:1", "one")
    shop.create(f"localhost/{workload_name}:1", health={"running_s": 1})
    return shop


@pytest.fixture
def watch(context: Context) -> Iterator[Callable[[], ContainerWatch]]:
    """Starts to follow; all that were started are stopped in the end."""
    watches = list[ContainerWatch]()

    def begin() -> ContainerWatch:
        watches.append(ContainerWatch(context))
        watches[-1].start()
        return watches[-1]

    yield begin
    for one in watches:
        one.stop()


def written(shop: Scenario) -> list[str]:
    """The rows, oldest first, as kind:cause, or kind:cause(exit code)."""
    with shop.context.database.reading() as session:
        rows = session.scalars(select(ContainerEvent).order_by(ContainerEvent.at_ns)).all()
    return [f"{row.kind}:{row.cause}" + (f"({row.exit_code})" if row.exit_code is not None else "") for row in rows]


def becomes(shop: Scenario, *expected: str) -> None:
    """Wait until exactly these rows are there."""
    wait_until(lambda: len(written(shop)) >= len(expected), 30, lambda: str(written(shop)))
    assert written(shop) == list(expected)


def has_restarted(container: DockerContainer) -> bool:
    """Whether Docker has started it again."""
    container.reload()
    return int(container.attrs["RestartCount"]) > 0


def past_grace() -> None:
    """Let the moments pass in which a stop still counts as the deploy's that has just ended."""
    time.sleep(2.1)


def test_by_hand_crash_and_deploy_are_told_apart(
    shop: Scenario, watch: Callable[[], ContainerWatch], images: Images
) -> None:
    watch()
    shop.deploy()
    past_grace()
    (container,) = shop.docker.containers.list(filters={"label": f"backstay.workload={shop.name}"}, ignore_removed=True)
    container.stop(timeout=2)
    container.start()
    container.reload()
    os.kill(container.attrs["State"]["Pid"], 9)  # behind Docker's back; Docker starts it again
    by_hand = ["exit:by_hand(143)", "restart:by_hand"]
    crash = ["exit:crash(137)", "restart:crash"]
    becomes(shop, *DEPLOYED, *by_hand, *crash)
    images.build(f"localhost/{shop.name}:2", "two")
    shop.deploy(f"localhost/{shop.name}:2")
    becomes(shop, *DEPLOYED, *by_hand, *crash, "exit:deploy(143)", "start:deploy")
    version_1 = [message for message in shop.messages() if message.startswith("Version 1 was") or "crash" in message]
    assert version_1[::-1] == [
        "Version 1 was stopped by hand, outside Backstay.",
        "Version 1 was started by hand, outside Backstay.",
        "Version 1 crashed with exit code 137.",
        "Version 1 was restarted by Docker.",
    ]
    with shop.context.database.reading() as session:
        totals = {(name, label): total for (_, name, label), total in counters.list_all(session).items()}
    assert totals["exits", "crash"] == totals["restarts", "by_hand"] == totals["exits", "deploy"] == 1
    assert totals["deploys", "succeeded"] == 2


def test_what_the_engine_makes_again_was_not_started_by_hand(
    shop: Scenario, watch: Callable[[], ContainerWatch]
) -> None:
    watch()
    row = shop.deploy()
    past_grace()
    (container,) = shop.docker.containers.list(filters={"label": f"backstay.workload={shop.name}"}, ignore_removed=True)
    container.remove(force=True)
    becomes(shop, *DEPLOYED, "exit:by_hand(137)")
    with shop.context.database.writing() as session:
        workloads.set_needs_reconcile(session, workloads.find(session, shop.name).id, True)
    reconcile(shop.context, "engine-2")
    becomes(shop, *DEPLOYED, "exit:by_hand(137)", "start:deploy")
    assert shop.messages()[:2] == [
        "Containers were restored after an interruption.",
        f"Version {row['version']} was stopped by hand, outside Backstay.",
    ]


@pytest.mark.parametrize("followed", [True, False], ids=["followed", "while the engine is down"])
def test_out_of_memory_is_told_from_a_crash(
    shop: Scenario, watch: Callable[[], ContainerWatch], images: Images, followed: bool
) -> None:
    images.build(f"localhost/{shop.name}:eats", "eats", "eats_memory_when_told")
    shop.change(resources={"memory_mb": 20}, source={"kind": "image", "image": f"localhost/{shop.name}:eats"})
    first = watch()
    assert shop.deploy()["status"] == "succeeded"
    if not followed:
        first.stop()
    bring_to_its_end(shop.docker, f"{shop.name}-v1")
    if not followed:
        (container,) = shop.docker.containers.list(
            all=True, filters={"label": f"backstay.workload={shop.name}"}, ignore_removed=True
        )
        wait_until(lambda: has_restarted(container), 40, "it does not run out of memory")
        watch()
    wait_until(lambda: "exit:oom(137)" in written(shop), 40, lambda: str(written(shop)))
    assert written(shop)[:3] == [*DEPLOYED, "oom:oom", "exit:oom(137)"]
    assert "Version 1 ran out of memory and was killed." in shop.messages()


def test_what_happened_while_nobody_followed_is_made_up_for_and_nothing_twice(
    shop: Scenario, watch: Callable[[], ContainerWatch]
) -> None:
    first = watch()
    shop.deploy()
    becomes(shop, *DEPLOYED)
    first.stop()
    past_grace()
    (container,) = shop.docker.containers.list(filters={"label": f"backstay.workload={shop.name}"}, ignore_removed=True)
    container.restart(timeout=2)
    assert written(shop) == DEPLOYED
    watch()
    becomes(shop, *DEPLOYED, "exit:by_hand(143)", "restart:by_hand")
    watch()  # a second one sees the same events again
    container.pause()
    container.unpause()
    becomes(shop, *DEPLOYED, "exit:by_hand(143)", "restart:by_hand", "pause:by_hand", "unpause:by_hand")


def cpu_of_a_second() -> float:
    """What this process uses while nothing is asked of it."""
    cpu = time.process_time()
    time.sleep(1)
    return time.process_time() - cpu


def stopped_within(watch: ContainerWatch) -> float:
    """Seconds that it takes to stop."""
    began = time.monotonic()
    watch.stop()
    return time.monotonic() - began


def test_a_watch_that_sees_nothing_costs_nothing_and_stops_at_once(context: Context) -> None:
    watch = ContainerWatch(context)
    watch.start()
    # It connects first, which takes a busy machine its time.
    wait_until(lambda: cpu_of_a_second() < 0.02, 20, "it does not come to rest")
    assert stopped_within(watch) < 1.5
    assert not [one for one in threading.enumerate() if one.name == "container-events"]


def test_while_docker_is_away_it_waits_and_stops_at_once(settings: Settings, context: Context) -> None:
    deaf = Context.open(settings.model_copy(update={"docker_host": f"unix://{settings.home}/no.sock"}), quiet=True)
    watch = ContainerWatch(deaf)
    watch.start()
    wait_until(lambda: cpu_of_a_second() < 0.02, 20, "it does not come to rest")
    assert stopped_within(watch) < 1.5
    deaf.close()


def test_a_kill_of_a_process_within_is_recorded_once_also_when_the_container_ends_long_after(
    shop: Scenario, watch: Callable[[], ContainerWatch]
) -> None:
    shop.change(resources={"memory_mb": 20})
    watch()
    shop.deploy()
    (container,) = shop.docker.containers.list(filters={"label": f"backstay.workload={shop.name}"}, ignore_removed=True)
    container.exec_run("dd if=/dev/zero of=/dev/null bs=200M count=1")
    becomes(shop, *DEPLOYED, "oom:oom")
    time.sleep(OOM_WITHIN_NS / 1e9 + 0.5)  # so that it is not what the container ended by
    container.kill()
    becomes(shop, *DEPLOYED, "oom:oom", "exit:by_hand(137)")


def test_what_happens_to_an_adopted_container_is_written_down_and_nothing_of_others(
    shop: Scenario, watch: Callable[[], ContainerWatch], images: Images, docker_client: docker.DockerClient
) -> None:
    tag = f"localhost/{shop.name}:old"
    images.build(tag, "old", "exits_when_told")
    adopted_one = Scenario(shop.context, docker_client, f"{shop.name}-old", shop.port)
    with strangers(docker_client, adopted_one.name) as mine:
        ours, other = (docker_client.containers.run(tag, detach=True, init=True, labels={OLD: mine}) for _ in range(2))
        assert adopt(adopted_one, str(ours.name))["status"] == "succeeded"
        watch()
        past_grace()
        for one in (other, ours):
            bring_to_its_end(docker_client, str(one.name))
        becomes(shop, "exit:crash(4)")
    assert adopted_one.messages()[0] == "Version 1 crashed with exit code 4."
