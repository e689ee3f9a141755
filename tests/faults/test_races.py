"""Many requests at once, over HTTP, to a real web process, a real Prefect server, a real engine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import docker
import httpx
import pytest

from tests.docker.fixtures import remove_workload
from tests.docker.images import Images
from tests.faults.houses import House
from tests.faults.shops import Shops
from tests.faults.workloads import Crashed
from tests.real_parts import wait_until

AT_ONCE = 50


@pytest.fixture(scope="module")
def shops(built_house: House, all_images: Images) -> Iterator[Shops]:
    """Where `shop` comes from."""
    shops = Shops(built_house, all_images, "races")
    yield shops
    shops.close()


@pytest.fixture
def shop(house: House, shops: Shops) -> Crashed:
    """A workload with a version to go back to."""
    return shops["ported"]


def at_once(actions: list[Callable[[], httpx.Response]]) -> list[httpx.Response]:
    """The answers to requests that are all under way together."""
    with ThreadPoolExecutor(len(actions)) as pool:
        return [future.result() for future in [pool.submit(action) for action in actions]]


def test_of_fifty_requests_at_once_one_is_accepted(house: House, shop: Crashed) -> None:
    def deploy() -> httpx.Response:
        return house.http.post(f"/workloads/{shop.name}/deploys", json={"image": shop.image("1")})

    target = shop.rollback_target()

    def rollback() -> httpx.Response:
        return house.http.post(f"/workloads/{shop.name}/rollback", json={"version": target})

    with house.caught_at("pin"):
        answers = at_once([deploy, rollback] * (AT_ONCE // 2))
    shop.accepted += 1
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * (AT_ONCE - 1)
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"deploy_in_flight"}
    (accepted,) = [answer.json() for answer in answers if answer.status_code == 202]
    assert accepted["version"] == shop.accepted
    assert shop.expect_a_true_ledger(shop.accepted)["status"] == "succeeded"


def test_one_idempotency_key_from_twenty_threads_is_one_row(house: House, shop: Crashed) -> None:
    headers = {"Idempotency-Key": f"key-{shop.accepted}"}

    def deploy() -> httpx.Response:
        return house.http.post(f"/workloads/{shop.name}/deploys", json={"image": shop.image("2")}, headers=headers)

    answers = at_once([deploy] * 20)
    shop.accepted += 1
    assert {(answer.status_code, answer.json()["version"]) for answer in answers} == {(202, shop.accepted)}
    shop.expect_a_true_ledger(shop.accepted)
    again = deploy()
    assert (again.status_code, again.json()["version"]) == (202, shop.accepted)
    assert len(shop.rows()) == shop.accepted


def test_one_idempotency_key_with_different_wishes_at_once_is_one_row_for_all_of_them(
    house: House, shop: Crashed
) -> None:
    headers = {"Idempotency-Key": f"mixed-{shop.accepted}"}
    wishes = [
        ("rollback", {"version": shop.rollback_target()}),
        *(("deploys", {"image": shop.image(tag)}) for tag in "12"),
    ]
    answers = at_once(
        [
            lambda path=path, body=body: house.http.post(f"/workloads/{shop.name}/{path}", json=body, headers=headers)
            for path, body in wishes * 8
        ]
    )
    shop.accepted += 1
    rows = {(one.json()["version"], one.json()["reason"], one.json()["requested"]) for one in answers}
    assert {one.status_code for one in answers} == {202}
    assert len(rows) == 1
    assert shop.expect_a_true_ledger(shop.accepted)["version"] == rows.pop()[0]


def test_a_stale_page_cannot_roll_back(house: House, shop: Crashed) -> None:
    shop.deploy_well()  # whoever won the races before: now there is something to go back to
    shop.deploy_well()
    shown = shop.live()["version"]

    def rollback() -> httpx.Response:
        return house.http.post(f"/workloads/{shop.name}/rollback", json={"expected_live": shown})

    first = rollback()
    shop.accepted += 1
    assert first.status_code == 202
    assert shop.expect_a_true_ledger(shop.accepted)["status"] == "succeeded"
    stale = at_once([rollback] * 8)
    assert {(answer.status_code, answer.json()["code"]) for answer in stale} == {(409, "live_changed")}
    assert len(shop.rows()) == shop.accepted


def test_the_next_deploy_waits_until_the_last_one_has_cleaned_up(house: House, shop: Crashed) -> None:
    with house.caught_at("succeeded") as caught:
        first = shop.ask("deploy")
        caught.wait()
        assert shop.row(first.version)["status"] == "succeeded"
        second = shop.ask("deploy")
        # It is accepted, and taken by Prefect, but touches nothing yet.
        wait_until(lambda: shop.context.prefect.run_state(second.flow_run_id or "") == "RUNNING", 20, "not taken")
        patience = time.monotonic() + 5
        while time.monotonic() < patience:
            assert shop.row(second.version)["status"] == "queued"
    assert shop.expect_a_true_ledger(second.version)["status"] == "succeeded"


def test_a_workload_that_is_removed_while_its_last_deploy_cleans_up_waits_for_it_and_leaves_no_container(
    house: House, images: Images, workload_name: str
) -> None:
    shop = house.workload(workload_name, port=None)
    shop.build(images)
    shop.deploy_well()
    with house.caught_at("succeeded") as caught:
        row = shop.ask("deploy")
        caught.wait()
        answer = house.http.delete(f"/workloads/{shop.name}")
        assert (answer.status_code, answer.json()["status"]) == (202, "removing")
    assert house.http.delete(f"/workloads/{shop.name}").status_code == 204
    assert shop.containers() == {}
    shop.expect_a_closed_run({"status": "succeeded", "flow_run_id": row.flow_run_id})
    assert shop.containers() == {}


def test_four_workloads_deploy_at_once_and_a_fifth_waits(
    house: House, images: Images, docker_client: docker.DockerClient
) -> None:
    names = [f"t-many-{number}-{os.getpid()}" for number in range(5)]
    many = [house.workload(name, port=None) for name in names]
    try:
        for one in many:
            one.build(images)
            one.change(health={"running_s": 4})  # the gate takes its time
        answers = at_once([lambda name=name: house.http.post(f"/workloads/{name}/deploys") for name in names])
        assert [answer.status_code for answer in answers] == [202] * 5
        for one in many:
            one.accepted += 1
            assert one.ended(1)["status"] == "succeeded"
        assert most_at_once([one.row(1) for one in many]) == 4
    finally:
        for name in names:
            remove_workload(docker_client, name)


def most_at_once(rows: list[dict[str, Any]]) -> int:
    """How many of these deploys ran at the same moment, at most."""
    spans = [(datetime.fromisoformat(row["started_at"]), datetime.fromisoformat(row["finished_at"])) for row in rows]
    return max(sum(begin <= moment < end for begin, end in spans) for moment, _ in spans)
