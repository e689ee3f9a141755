"""A version that fails soon after it went live is taken back by itself, once, and does not come back unasked."""

from __future__ import annotations

from tests.docker.images import bring_to_its_end
from tests.flows.engines import Through
from tests.real_parts import wait_until


def test_a_version_that_ends_soon_is_taken_back_once_and_held(shop: Through) -> None:
    image = f"localhost/{shop.name}:ends"
    shop.change(auto_rollback=True, watch_s=30)
    with shop.engine():
        shop.deploy()
        bad = shop.deploy(image)
        assert bad["status"] == "succeeded"
        bring_to_its_end(shop.docker, f"{shop.name}-v2")
        wait_until(lambda: len(shop.rows()) == 3, 30, "it was not taken back")
        shop.wait(3, lambda row: row["status"] == "succeeded")
        back = shop.row(3)
        assert (back["reason"], back["rollback_of"], back["trigger"]) == ("auto_rollback", 1, "schedule")
        assert shop.served() == "version 1"
        assert [pin["pin_short"] for pin in shop.held()] == [bad["pin_short"]]
        assert any(message.startswith("Version 2 exited") for message in shop.messages())
        # A person may insist: the hold ends, and the version is watched and taken back like any other.
        assert shop.deploy(image)["status"] == "succeeded"
        assert shop.held() == []
        bring_to_its_end(shop.docker, f"{shop.name}-v4")
        wait_until(lambda: len(shop.rows()) == 5, 30, "it was not taken back")
        shop.wait(5, lambda row: row["status"] == "succeeded")


def test_a_version_that_stops_passing_its_check_soon_is_taken_back_though_it_runs(shop: Through) -> None:
    shop.change(auto_rollback=True, watch_s=60)
    with shop.engine():
        shop.deploy()
        assert shop.deploy(f"localhost/{shop.name}:2")["status"] == "succeeded"
        assert shop.docker.containers.get(f"{shop.name}-v2").exec_run(["rm", "/www/healthz"]).exit_code == 0
        wait_until(lambda: len(shop.rows()) == 3, 40, "it was not taken back")
        shop.wait(3, lambda row: row["status"] == "succeeded")
        assert (shop.row(3)["reason"], shop.served()) == ("auto_rollback", "version 1")
        assert any(message.startswith("Version 2 stopped passing its health check") for message in shop.messages())


def test_there_is_no_loop_when_what_it_goes_back_to_fails_too(shop: Through) -> None:
    ends, ends_too = f"localhost/{shop.name}:ends", f"localhost/{shop.name}:ends-too"
    with shop.engine():
        shop.deploy(ends)
        shop.change(auto_rollback=True, watch_s=30)
        shop.deploy(ends_too)
        bring_to_its_end(shop.docker, f"{shop.name}-v2")
        wait_until(lambda: len(shop.rows()) == 3, 30, "it was not taken back")
        shop.wait(3, lambda row: row["status"] == "succeeded")
        name = f"{shop.name}-v3"
        bring_to_its_end(shop.docker, name)
        wait_until(lambda: _restarts(shop, name) >= 2, 40, "it does not end again")
    assert [row["reason"] for row in shop.rows()] == ["auto_rollback", "deploy", "deploy"]


def _restarts(shop: Through, name: str) -> int:
    return int(shop.docker.containers.get(name).attrs["RestartCount"])
