"""kill -9 of dockerd at stages of a deploy and of a rollback, alone and together with all the rest: a power cut.

On an Engine of its own, since others are at work on the machine's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.states import ErrorCode
from tests.conftest import FAULTS
from tests.docker.images import Images
from tests.faults.houses import House
from tests.faults.second_engine import SecondEngine
from tests.faults.shops import Shops
from tests.faults.workloads import COMPARED_WITHIN_S, Crashed
from tests.real_parts import real_part

POINTS = ("prepare", "roll_out", "created", "stopped_old", "started", "health", "verify", "settled", "succeeded")
KINDS = ("deploy", "rollback")
ALL = [(point, kind) for point in POINTS for kind in KINDS]
CASES = ALL if FAULTS == "all" else [("created", "rollback"), ("stopped_old", "deploy"), ("succeeded", "rollback")]
CUTS = ALL if FAULTS == "all" else [("started", "rollback"), ("settled", "deploy")]
# The engine lives, and finds no Docker; or Docker is back so soon that it finds what Docker has stopped.
CODES = frozenset(
    {
        *(ErrorCode.ENGINE_UNREACHABLE, ErrorCode.INTERRUPTED, ErrorCode.EXITED_EARLY),
        *(ErrorCode.CREATE_FAILED, ErrorCode.START_FAILED, ErrorCode.PIN_MISMATCH),
    }
)
PROGRAMS = ("prefect", "engine", "web")


@pytest.fixture(scope="module")
def engine() -> Iterator[SecondEngine]:
    """The Engine, running."""
    real_part("second engine")
    with tempfile.TemporaryDirectory(prefix="bst-", ignore_cleanup_errors=True) as home:
        engine = SecondEngine(Path(home))
        try:
            engine.start()
            yield engine
        finally:
            engine.close()


@pytest.fixture(scope="module")
def shops(built_house: House, engine: SecondEngine) -> Iterator[Shops]:
    """A workload on that Engine."""
    with built_house.on(engine) as house:
        built_house.heal()
        yield Shops(house, Images(house.docker, "second"), "docker")


@pytest.fixture
def shop(house: House, engine: SecondEngine, shops: Shops) -> Crashed:
    """A workload with a version to go back to, on a fixed port."""
    engine.heal()
    return shops["ported"]


@pytest.mark.parametrize(("point", "kind"), CASES)
def test_a_dockerd_killed_in_the_middle_leaves_a_true_ledger(
    house: House, engine: SecondEngine, shop: Crashed, point: str, kind: str
) -> None:
    with house.caught_at(point) as caught:
        version = shop.ask(kind).version
        caught.wait()
        engine.kill()
    engine.start()
    row = shop.expect_a_true_ledger(version, ("dockerd", point), CODES, COMPARED_WITHIN_S)
    assert row["live"] is (point in {"settled", "succeeded"})  # after it is settled nothing is asked of Docker
    shop.deploy_well()


def test_what_serves_serves_again_after_dockerd_was_killed_though_nothing_was_under_way(
    engine: SecondEngine, shop: Crashed
) -> None:
    live = shop.live()["version"]
    engine.kill()
    engine.start()
    assert shop.expect_a_true_ledger(live, compared_within_s=COMPARED_WITHIN_S)["version"] == live


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("point", "kind"), CUTS)
def test_a_power_cut_leaves_a_true_ledger(
    house: House, engine: SecondEngine, shop: Crashed, point: str, kind: str
) -> None:
    with house.caught_at(point) as caught:
        version = shop.ask(kind).version
        caught.wait()
        house.kill(*PROGRAMS)
        engine.cut_the_power()
    if kind == "deploy":  # Docker comes up first, or last
        engine.start()
        house.start(*PROGRAMS)
    else:
        house.start(*PROGRAMS)
        engine.start()
    row = shop.expect_a_true_ledger(version, ("power", point), compared_within_s=COMPARED_WITHIN_S)
    assert row["live"] is (point == "succeeded")
    shop.deploy_well()
