"""A version that fails in its first seconds is taken back once, whatever way it fails. Prefect is left out."""

from __future__ import annotations

import time

import pytest

from flows.dispatch import carry_out
from flows.upkeep.auto_rollback import Watch
from tasks.context import Context
from tasks.prefect_api import PrefectApi, PrefectUnreachable
from tests.docker.images import Images, bring_to_its_end
from tests.docker.scenario import Scenario
from tests.real_parts import wait_until


class CarriesOutAtOnce(PrefectApi):
    """Stands where Prefect and the engine are: what it is asked to run, it has run when it answers."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.settings)
        self.context, self.there = context, True

    def answers(self) -> bool:
        """Whether it is there."""
        return self.there

    def start(self, deployment: str, host: str, name: str, parameters: dict[str, int], key: str) -> str:
        """Carry the row out."""
        if not self.there:
            raise PrefectUnreachable("away")
        carry_out(self.context, parameters["deploy_id"], "test-engine", key)
        return key


@pytest.fixture
def prefect(context: Context) -> CarriesOutAtOnce:
    """What answers from the second deploy on."""
    return CarriesOutAtOnce(context)


@pytest.fixture
def shop(shop: Scenario, images: Images, prefect: CarriesOutAtOnce) -> Scenario:
    """A workload that serves a good version and goes back by itself."""
    images.build(f"localhost/{shop.name}:good", "good")
    shop.create(f"localhost/{shop.name}:good", auto_rollback=True, watch_s=60, resources={"memory_mb": 48})
    assert shop.deploy()["status"] == "succeeded"
    shop.context.prefect.close()
    shop.context.prefect = prefect
    return shop


@pytest.mark.parametrize("fails", ["exits_when_told", "eats_memory_when_told"])
def test_a_version_that_ends_or_eats_its_memory_soon_is_taken_back_once_and_held(
    shop: Scenario, images: Images, fails: str
) -> None:
    bad = f"localhost/{shop.name}:bad"
    images.build(bad, "bad", fails)
    assert shop.deploy(bad)["status"] == "succeeded"
    bring_to_its_end(shop.docker, f"{shop.name}-v2")
    watch = Watch(shop.context)

    def taken_back() -> bool:
        watch.look()
        return len(shop.rows()) == 3

    wait_until(taken_back, 30, lambda: f"not taken back: {shop.messages()}")
    back = shop.row(3)
    assert (back["status"], back["reason"], back["rollback_of"]) == ("succeeded", "auto_rollback", 1)
    assert shop.served() == "good"
    assert [pin["pin_short"] for pin in shop.held()] == [shop.row(2)["pin_short"]]
    # What is held stays away from automatic deploys, until a person asks for it.
    # Never in a loop: what was gone back to is not watched, not even when it ends too.
    shop.docker.containers.get(f"{shop.name}-v3").kill()
    for _ in range(5):
        watch.look()
        time.sleep(0.1)
    assert len(shop.rows()) == 3


def test_while_prefect_is_away_it_is_not_taken_back_but_soon_after_also_when_a_first_try_was_lost(
    shop: Scenario, images: Images, prefect: CarriesOutAtOnce
) -> None:
    bad = f"localhost/{shop.name}:bad"
    images.build(bad, "bad", "exits_when_told")
    assert shop.deploy(bad)["status"] == "succeeded"
    bring_to_its_end(shop.docker, f"{shop.name}-v2")
    watch = Watch(shop.context)
    wait_until(lambda: shop.docker.containers.get(f"{shop.name}-v2").attrs["RestartCount"] > 0, 30, "it does not end")
    prefect.there = False
    watch.look()
    assert len(shop.rows()) == 2
    # It goes away between the question whether it is there and the request.
    prefect.answers = lambda: True  # type: ignore[method-assign]
    watch.look()
    assert (shop.row(3)["status"], shop.row(3)["error_code"]) == ("failed", "orchestrator_unreachable")
    prefect.there = True
    for _ in range(3):
        watch.look()
    assert [row["reason"] for row in shop.rows()] == ["auto_rollback", "auto_rollback", "deploy", "deploy"]
    assert shop.served() == "good"


def test_a_first_version_that_fails_soon_has_no_way_back_and_that_is_said_once(shop: Scenario) -> None:
    watch = Watch(shop.context)
    watch.look()
    before = shop.messages()
    shop.docker.containers.get(f"{shop.name}-v1").stop(timeout=1)
    for _ in range(3):
        watch.look()
    said = "Version 1 failed soon after it went live, and no version can be rolled back to. Deploy one that works."
    assert shop.messages() == [said, *before]
    assert len(shop.rows()) == 1
