"""The whole way of a removal: the request, a real Prefect server, the engine process, a real Docker Engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from db import workloads
from db.access import accounts
from flows.cli.app import main
from flows.workloads.removal import is_gone, request_removal, wait_until_gone
from tasks.context import Context, now
from tests.docker.images import Images
from tests.flows.engines import Through
from tests.real_parts import free_port, wait_until
from webapp.app import create_app

GONE_WITHIN_S = 45


def runs_of(shop: Through) -> list[dict[str, Any]]:
    """The runs that removed it, or shall."""
    wanted = {"flow_runs": {"name": {"any_": [f"remove {shop.name}"]}}}
    return list(shop.prefect("POST", "/flow_runs/filter", wanted))


@contextmanager
def elsewhere(shop: Through, **settings: Any) -> Iterator[Context]:
    """The context of another process over the same ledger, to which something is out of reach."""
    context = Context.open(shop.context.settings.model_copy(update=settings), "elsewhere", quiet=True)
    try:
        yield context
    finally:
        context.close()


def test_a_removal_is_a_tracked_run_of_the_engine(shop: Through) -> None:
    with shop.engine():
        shop.deploy()
        removal = request_removal(shop.context, shop.name, "tester")
        assert request_removal(shop.context, shop.name, "tester") == removal
        assert wait_until_gone(shop.context, removal, GONE_WITHIN_S)
        assert shop.containers() == {}
        wait_until(lambda: runs_of(shop)[0]["state_type"] == "COMPLETED", 20, lambda: str(runs_of(shop)))
    (run,) = runs_of(shop)
    assert run["state"]["message"] == "removed"
    assert run["parameters"] == {"workload_id": removal.workload_id, "workload": shop.name}


def test_the_web_process_and_the_cli_need_no_docker_to_have_it_removed(
    shop: Through, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    no_docker = f"unix://{shop.context.settings.home}/no-docker.sock"
    with shop.engine(), elsewhere(shop, docker_host=no_docker) as web:
        shop.deploy()
        with web.database.writing() as session:
            token, _ = accounts.create_token(session, "admin", "ci", now())
        client = create_app(web).test_client()
        asked = client.delete(f"/api/workloads/{shop.name}", headers={"Authorization": f"Bearer {token}"})
        assert asked.status_code == 204
        assert shop.containers() == {}
        shop.create(f"localhost/{shop.name}:1")
        shop.deploy()
        for key, value in web.settings.model_dump().items():
            if key != "admin_password":
                monkeypatch.setenv(f"BACKSTAY_{key.upper()}", str(value))
        assert main(["remove", shop.name, "--yes"]) == 0
        assert capsys.readouterr().out == f"{shop.name} was removed.\n"
        assert shop.containers() == {}


def test_an_engine_that_is_killed_in_the_middle_finishes_it_when_it_starts(shop: Through, images: Images) -> None:
    images.build(f"localhost/{shop.name}:slow", "slow", "ignores_sigterm")
    with shop.engine() as engine:
        shop.change(stop_timeout_s=60)
        shop.deploy(f"localhost/{shop.name}:slow")
        removal = request_removal(shop.context, shop.name, "tester")
        wait_until(lambda: runs_of(shop)[0]["state_type"] == "RUNNING", 20, "it did not begin")
        wait_until(lambda: bool(stopping(shop)), 20, "nothing is being stopped")
        engine.kill()
        engine.wait()
    assert not is_gone(shop.context, removal)
    for one in shop.docker.containers.list(filters={"label": f"backstay.workload={shop.name}"}, ignore_removed=True):
        one.kill()  # the stop that was asked for goes on in Docker, for a minute
    with shop.engine():
        assert wait_until_gone(shop.context, removal, GONE_WITHIN_S)
        assert shop.containers() == {}
        wait_until(lambda: runs_of(shop)[0]["state_type"] == "CRASHED", 20, lambda: str(runs_of(shop)))


def stopping(shop: Through) -> list[dict[str, Any]]:
    """What Docker was told to do to the containers and does: the signal was sent, and they are still there."""
    until = int(now().timestamp())
    wanted = {"label": f"backstay.workload={shop.name}", "event": "kill"}
    return list(shop.docker.events(since=until - 60, until=until, filters=wanted, decode=True))


def test_without_prefect_the_engine_removes_it_all_the_same(shop: Through) -> None:
    with shop.engine(), elsewhere(shop, prefect_api_url=f"http://127.0.0.1:{free_port()}/api") as web:
        shop.deploy()
        removal = request_removal(web, shop.name, "tester")
        assert wait_until_gone(web, removal, GONE_WITHIN_S)
        assert shop.containers() == {}
    assert runs_of(shop) == []


def test_what_was_asked_for_while_no_engine_ran_is_removed_at_its_start_and_its_run_ends_well(shop: Through) -> None:
    with shop.engine():
        shop.deploy()
    removal = request_removal(shop.context, shop.name, "tester")
    assert not wait_until_gone(shop.context, removal, 6)
    with shop.engine():
        assert wait_until_gone(shop.context, removal, GONE_WITHIN_S)
        assert shop.containers() == {}
        wait_until(lambda: runs_of(shop)[0]["state_type"] == "COMPLETED", 30, lambda: str(runs_of(shop)))


def test_a_run_that_a_person_starts_for_a_workload_that_nobody_removes_changes_nothing(shop: Through) -> None:
    with shop.engine():
        shop.deploy()
        with shop.context.database.reading() as session:
            number = workloads.find(session, shop.name).id  # type: ignore[union-attr]
        deployment = shop.prefect("GET", "/deployments/name/remove/remove")
        body = {
            "parameters": {"workload_id": number, "workload": shop.name},
            "state": {"type": "SCHEDULED"},
            "work_queue_name": shop.context.settings.host_name,
        }
        run = shop.prefect("POST", f"/deployments/{deployment['id']}/create_flow_run", body)
        ended = {"flow_run_id": run["id"]}
        wait_until(lambda: shop.run_state(ended) == ("CANCELLED", "superseded"), 30, lambda: str(shop.run_state(ended)))
        assert shop.served() == "version 1"
