"""A Prefect server that is busy, breaks off, or has another time: a request is carried out all the same, and soon.

What Prefect's own client does then, waiting 2, 4, 8, 16 and 32 s, must not become the time that a row stays queued.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.docker.images import Images
from tests.faults.houses import House
from tests.faults.shops import Shops
from tests.faults.workloads import Crashed
from tests.real_parts import wait_until

SOON_S = 30
HAND_OUT = "POST .*/get_scheduled_flow_runs$"
# With Prefect's own way of taking a run over, the first call is the one that reads its deployment.
TAKE_OVER = "GET /api/deployments/[0-9a-f-]{36}$|POST .*/set_state$"


@pytest.fixture(scope="module")
def shops(built_house: House, all_images: Images) -> Iterator[Shops]:
    """Where `shop` comes from."""
    shops = Shops(built_house, all_images, "busy")
    yield shops
    shops.close()


@pytest.fixture
def shop(house: House, shops: Shops) -> Crashed:
    """A workload that serves."""
    return shops["free"]


def expect_soon(shop: Crashed) -> None:
    """A deploy that is asked for now succeeds, and waits for no back-off of anybody's."""
    began = time.monotonic()
    shop.deploy_well()
    assert time.monotonic() - began < SOON_S


def test_a_poll_that_is_refused_again_and_again_does_not_make_the_engine_deaf(house: House, shop: Crashed) -> None:
    with house.refusing(f"503 5 {HAND_OUT}") as refused:
        expect_soon(shop)
        assert refused()


@pytest.mark.parametrize(("status", "times"), [(503, 4), (500, 1), (0, 1)])
def test_a_run_that_could_not_be_taken_over_is_taken_over_soon(
    house: House, shop: Crashed, status: int, times: int
) -> None:
    with house.refusing(f"{status} {times} {TAKE_OVER}") as refused:
        expect_soon(shop)
        assert len(refused()) == times
    assert house.running["engine"].poll() is None


def test_an_engine_that_could_not_introduce_itself_at_its_start_tries_again_soon(house: House, shop: Crashed) -> None:
    house.kill("engine")
    with house.refusing("503 6 GET /api/work_pools/backstay$", "503 1 WEBSOCKET /workers") as refused:
        house.start("engine")
        expect_soon(shop)
        assert refused()


def test_a_run_that_is_due_in_the_future_because_the_clock_was_set_back_is_not_waited_for(
    house: House, shop: Crashed
) -> None:
    house.kill("engine")
    row = shop.ask("deploy")
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": in_an_hour.isoformat()}}
    house.prefect("POST", f"/flow_runs/{row.flow_run_id}/set_state", {"state": state, "force": True})
    house.start("engine")
    began = time.monotonic()
    assert shop.ended(row.version)["status"] == "succeeded"
    assert time.monotonic() - began < SOON_S


def test_a_cancel_in_prefect_that_no_event_told_of_is_heard_all_the_same(house: House, shop: Crashed) -> None:
    shop.change(health={"tcp": 9, "timeout_s": 60})
    house.kill("engine")
    with house.refusing("503 1000 WEBSOCKET /events/out") as refused:
        house.start("engine")
        row = shop.ask("deploy")
        wait_until(lambda: shop.row(row.version)["stage"] == "health", SOON_S, lambda: str(shop.row(row.version)))
        state = {"type": "CANCELLING", "name": "Cancelling"}
        house.prefect("POST", f"/flow_runs/{row.flow_run_id}/set_state", {"state": state})
        assert shop.ended(row.version)["status"] == "cancelled"
        assert refused()
    shop.change(health={"http": "/healthz", "timeout_s": 10})
    shop.deploy_well()
