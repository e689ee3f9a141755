"""kill -9 of each program at each stage of a deploy and of a rollback: the ledger is true afterwards.

`make test` walks a part of the matrix, in which every point and every target occurs; BACKSTAY_FAULTS=all walks it all.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

import docker
import httpx
import pytest

from db.states import Status
from tests.conftest import FAULTS
from tests.docker.images import Images
from tests.faults.houses import House
from tests.faults.shops import Shops
from tests.faults.workloads import Crashed
from tests.real_parts import free_port

ROLLOUT = ("roll_out", "created", "stopped_old", "started")
POINTS = ("taken", "pin", "prepare", *ROLLOUT, "health", "verify", "settled", "succeeded")
POWER_CUT = ("prefect", "engine", "web")

Case = tuple[str, str, str]  # point, kind of request, workload

ALL = [(point, kind, shape) for point in POINTS for kind in ("deploy", "rollback") for shape in ("ported", "free")]
# Each point once; deploys and rollbacks, with and without a port of the host, taking turns.
SOME = [ALL[4 * at + (at + at // 2) % 4] for at in range(len(POINTS))]
ENGINE_CASES = ALL if FAULTS == "all" else SOME
PREFECT_POINTS = ("taken", "pin", "started", "settled", "succeeded")
PREFECT_CASES = (
    [case for case in ALL if case[0] in PREFECT_POINTS]
    if FAULTS == "all"
    else [
        ("taken", "deploy", "ported"),
        ("health", "rollback", "ported"),
    ]
)
_random = random.Random(20261123)
DELAYS = [round(_random.uniform(0, 1.5), 3) for _ in range(24 if FAULTS == "all" else 3)]


@pytest.fixture(scope="module")
def shops(built_house: House, all_images: Images) -> Iterator[Shops]:
    """A workload of each shape."""
    shops = Shops(built_house, all_images, "crash")
    yield shops
    shops.close()


def hit(house: House, shop: Crashed, point: str, kind: str, names: tuple[str, ...]) -> int:
    """Kill programs when the deploy has come to the point, then start them again; answers the version."""
    with house.caught_at(point) as caught:
        version = shop.ask(kind).version
        caught.wait()
        house.kill(*names)
    house.start(*names)
    return version


@pytest.mark.parametrize(("point", "kind", "shape"), ENGINE_CASES)
def test_an_engine_killed_anywhere_leaves_a_true_ledger(
    house: House, shops: Shops, point: str, kind: str, shape: str
) -> None:
    shop = shops[shape]
    if point == "stopped_old" and shape == "free":
        point = "settled"  # nothing stops it before
    row = shop.expect_a_true_ledger(hit(house, shop, point, kind, ("engine",)), ("engine", point))
    assert (row["status"] == Status.SUCCEEDED) is (point == "succeeded")
    shop.deploy_well()


@pytest.mark.parametrize("delay", DELAYS)
def test_an_engine_killed_at_any_moment_leaves_a_true_ledger(house: House, shops: Shops, delay: float) -> None:
    shop = shops["ported"]
    version = shop.ask("deploy").version
    time.sleep(delay)
    house.kill("engine")
    house.start("engine")
    shop.expect_a_true_ledger(version, ("engine", f"after {delay} s"))
    shop.deploy_well()


@pytest.mark.parametrize(("point", "kind", "shape"), PREFECT_CASES)
def test_a_prefect_server_killed_in_the_middle_leaves_a_true_ledger(
    house: House, shops: Shops, point: str, kind: str, shape: str
) -> None:
    shop = shops[shape]
    row = shop.expect_a_true_ledger(hit(house, shop, point, kind, ("prefect",)), ("prefect", point))
    assert (row["status"] == Status.SUCCEEDED) is (point != "taken")
    shop.deploy_well()


@pytest.mark.parametrize(("point", "ends"), [("opened", Status.INTERRUPTED), ("asked", Status.SUCCEEDED)])
def test_a_web_process_killed_around_the_request_for_a_run_leaves_a_true_ledger(
    house: House,
    shops: Shops,
    point: str,
    ends: Status,
    in_background: Callable[[Callable[[], object]], None],
) -> None:
    shop = shops["free"]
    body, headers = {"image": shop.image(next(shop.tags))}, {"Idempotency-Key": f"{point}-{shop.name}-{shop.accepted}"}

    def ask() -> httpx.Response:
        return house.http.post(f"/workloads/{shop.name}/deploys", json=body, headers=headers)

    with house.caught_at(point) as caught:
        in_background(ask)
        caught.wait()
        shop.accepted += 1
        house.kill("web")
    house.start("web")
    again = ask()  # as one does who got no answer
    assert (again.status_code, again.json()["version"]) == (202, shop.accepted)
    assert shop.expect_a_true_ledger(shop.accepted, ("web", point))["status"] == ends
    shop.deploy_well()


@pytest.mark.parametrize("point", ["created", "settled"])
def test_a_first_deploy_that_is_cut_off_leaves_nothing(
    house: House, images: Images, docker_client: docker.DockerClient, workload_name: str, point: str
) -> None:
    shop = house.workload(workload_name, port=free_port())
    shop.build(images)
    shop.expect_a_true_ledger(hit(house, shop, point, "deploy", ("engine",)), ("engine", f"first {point}"))
    assert shop.containers() == {}
    shop.deploy_well()


if FAULTS == "all":  # minutes each on a small machine: the power cuts belong to the long walk

    @pytest.mark.parametrize(("point", "kind", "shape"), ALL)
    def test_all_programs_killed_at_once_leave_a_true_ledger(
        house: House, shops: Shops, point: str, kind: str, shape: str
    ) -> None:
        shop = shops[shape]
        shop.expect_a_true_ledger(hit(house, shop, point, kind, POWER_CUT), ("all programs", point))
        shop.deploy_well()

    @pytest.mark.timeout(300)
    @pytest.mark.parametrize(("point", "kind", "shape"), ALL)
    def test_backstay_up_killed_with_all_its_children_leaves_a_true_ledger(
        house: House, shops: Shops, point: str, kind: str, shape: str
    ) -> None:
        shop = shops[shape]
        house.kill(*POWER_CUT)
        house.up()
        with house.caught_at(point) as caught:
            version = shop.ask(kind).version
            caught.wait()
            house.kill("up")  # and nothing else: the kernel ends its children
        house.up()
        shop.expect_a_true_ledger(version, ("up", point))
        shop.deploy_well()
