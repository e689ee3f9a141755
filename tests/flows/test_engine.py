"""The whole way of a deploy: the request, a real Prefect server, the engine process, a real Docker Engine."""

from __future__ import annotations

import signal
from typing import Any

import docker
import httpx
import pytest

from db import images as stored
from db import workloads
from db.health import status
from db.metrics import samples
from db.models import Deploy
from flows.cli.app import main
from flows.home_locks import is_engine_running
from flows.refusals import Refusal
from flows.requests import request_cancel, request_deploy
from flows.upkeep.impact_reviews import EVENT, event
from flows.webhooks.lifecycle import add
from flows.webhooks.receive import receive
from tasks.context import Context, now
from tasks.webhooks import Delivery
from tests.docker.adopted_app import OLD, lives, strangers
from tests.docker.images import Images
from tests.docker.scenario import ME, Scenario
from tests.flows.engines import Through
from tests.real_parts import free_port, wait_until


def test_requests_are_carried_out_as_tracked_runs_with_a_task_a_stage(shop: Through) -> None:
    with shop.engine():
        first = shop.deploy()
        second = shop.deploy(f"localhost/{shop.name}:2")
        bad = shop.deploy(f"localhost/{shop.name}:bad")
        back = shop.rollback()
    assert [row["status"] for row in (first, second, bad, back)] == ["succeeded", "succeeded", "failed", "succeeded"]
    assert shop.served() == "version 1"
    run = shop.prefect("GET", f"/flow_runs/{second['flow_run_id']}")
    assert run["name"] == f"deploy {shop.name} v2"
    assert run["parameters"] == {"deploy_id": second["id"]}
    tasks = shop.prefect("POST", "/task_runs/filter", {"task_runs": {}, "flow_runs": {"id": {"any_": [run["id"]]}}})
    stages = sorted(tasks, key=lambda task: task["start_time"])
    assert [task["name"] for task in stages] == ["pin", "prepare", "roll_out", "health", "verify", "finish"]
    assert shop.run_state(second) == ("COMPLETED", "succeeded")
    assert shop.run_state(bad) == ("FAILED", "health_timeout")
    assert shop.prefect("GET", f"/flow_runs/{back['flow_run_id']}")["name"] == f"rollback {shop.name} v4 to v1"


def test_an_adoption_is_a_run_of_its_own_in_prefect_that_the_verb_follows(
    shop: Through,
    docker_client: docker.DockerClient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    image, settings = f"localhost/{shop.name}:1", shop.context.settings
    shop.name = f"{shop.name}-old"
    monkeypatch.setenv("BACKSTAY_HOME", str(settings.home))
    for name in ("docker_host", "prefect_api_url", "host_name"):
        monkeypatch.setenv(f"BACKSTAY_{name.upper()}", getattr(settings, name))
    with strangers(docker_client, shop.name) as mine:
        old = docker_client.containers.run(image, detach=True, init=True, labels={OLD: mine})
        before = lives(docker_client, str(old.name))
        with shop.engine():
            code = main(["adopt", str(old.name), "--name", shop.name])
        told, said = capsys.readouterr()
        assert code == 0, said
        assert f"{shop.name} is adopted: version 1 is live, and nothing was restarted." in said
        assert f"{shop.name}: {old.name}: 4 of 4 settings mapped (100%). Nothing is restarted." in told
        row = shop.row(1)
        assert (row["status"], row["reason"], row["trigger"]) == ("succeeded", "adopt", "cli")
        run = shop.prefect("GET", f"/flow_runs/{row['flow_run_id']}")
        assert (run["name"], run["parameters"]) == (f"adopt {shop.name} v1", {"deploy_id": row["id"]})
        assert lives(docker_client, str(old.name)) == before


def test_an_engine_keeps_the_status_of_what_it_deployed_and_nobody_knows_it_without_one(shop: Through) -> None:
    def stored() -> tuple[str, str | None] | None:
        with shop.context.database.reading() as session:
            workload = workloads.find(session, shop.name)
            found = status.find(session, workload.id) if workload else None
        return (found.state, found.cause) if found else None

    settings = shop.context.settings
    with shop.engine():
        assert shop.deploy()["status"] == "succeeded"
        assert is_engine_running(settings)
        container = shop.docker.containers.get(f"{shop.name}-v1")
        container.pause()
        wait_until(lambda: stored() == ("down", "paused"), 30, lambda: str(stored()))
        container.unpause()
        wait_until(lambda: stored() == ("live", None), 30, lambda: str(stored()))
    assert not is_engine_running(settings)
    container.pause()
    with shop.engine():
        wait_until(lambda: stored() == ("down", "paused"), 30, lambda: str(stored()))


def test_an_engine_says_at_its_start_which_images_are_lost_and_housekeeping_removes_what_nothing_needs(
    shop: Through, images: Images
) -> None:
    for version in ("1", "2", "1"):
        assert Scenario.deploy(shop, f"localhost/{shop.name}:{version}")["status"] == "succeeded"
    images.forget(shop.row(2)["pin"]["image_id"])
    unneeded = images.build(f"localhost/{shop.name}:3", "unneeded")
    shop.docker.api.tag(unneeded, f"localhost/backstay-{shop.context.installation}/{shop.name}", "v9")
    shop.docker.api.remove_image(f"localhost/{shop.name}:3")
    with shop.context.database.writing() as session:
        stored.remember(session, shop.context.settings.host_name, unneeded, now())
    assert shop.row(2)["can_rollback"] is True
    with shop.engine():
        shop.wait(2, lambda row: row["rollback_blocked_by"] == "pin_unavailable")
        deployment = shop.prefect("GET", "/deployments/name/housekeeping/housekeeping")
        body = {"state": {"type": "SCHEDULED"}, "work_queue_name": shop.context.settings.host_name}
        run = shop.prefect("POST", f"/deployments/{deployment['id']}/create_flow_run", body)
        wait_until(lambda: shop.run_state({"flow_run_id": run["id"]})[0] == "COMPLETED", 30, "it does not end")
        assert "1 images" in shop.run_state({"flow_run_id": run["id"]})[1]
    assert shop.context.docker.images.inspect(unneeded) is None
    assert shop.row(1)["can_rollback"] is True


def test_a_verdict_is_an_event_in_prefect_that_automations_can_act_on(shop: Through) -> None:
    # What docs/metrics.md tells people to set up; a notification stands in the place of "do-nothing" there.
    automation = {
        "name": f"a leak of {shop.name}",
        "trigger": {
            "type": "event",
            "posture": "Reactive",
            "expect": [EVENT],
            "match": {"prefect.resource.id": "backstay.workload.*", "backstay.verdict": ["worse", "leaking"]},
            "threshold": 1,
            "within": 0,
        },
        "actions": [{"type": "do-nothing"}],
    }
    made = shop.prefect("POST", "/automations/", automation)["id"]

    def seen(name: str, resource: str) -> list[dict[str, Any]]:
        wanted = {"filter": {"event": {"name": [name]}, "resource": {"id": [resource]}}}
        return list(shop.prefect("POST", "/events/filter", wanted)["events"])

    try:
        for version, verdict in ((1, "same"), (2, "leaking"), (2, "leaking")):
            row = Deploy(id=version, version=version, impact={"verdict": verdict, "reasons": []}, impact_looks=1)
            shop.context.prefect.tell(event(row, shop.name, shop.context.installation, now()))
        fired = lambda: seen("prefect.automation.triggered", f"prefect.automation.{made}")  # noqa: E731
        wait_until(lambda: len(fired()) >= 1, 30, "the automation does not fire")
        told = [one["payload"]["verdict"] for one in seen(EVENT, f"backstay.workload.{shop.name}")]
        assert sorted(told) == ["leaking", "same"]
        assert len(fired()) == 1
    finally:
        shop.prefect("DELETE", f"/automations/{made}")


def test_a_run_started_in_prefects_ui_opens_its_own_row(shop: Through) -> None:
    with shop.engine():
        deployment = shop.prefect("GET", "/deployments/name/dispatch/dispatch")
        body = {
            "parameters": {"workload": shop.name},
            "state": {"type": "SCHEDULED"},
            "work_queue_name": shop.context.settings.host_name,
        }
        run = shop.prefect("POST", f"/deployments/{deployment['id']}/create_flow_run", body)
        wait_until(lambda: bool(shop.rows()), 30, "no row was opened")
        shop.wait(1, lambda row: row["status"] == "succeeded")
        lost = shop.prefect(
            "POST",
            f"/deployments/{deployment['id']}/create_flow_run",
            body | {"parameters": {"workload": "no-such-workload"}},
        )
        wait_until(
            lambda: shop.prefect("GET", f"/flow_runs/{lost['id']}")["state_type"] == "FAILED", 30, "it did not fail"
        )
        assert shop.prefect("GET", f"/flow_runs/{lost['id']}")["state"]["message"] == "no_such_workload"
    row = shop.row(1)
    assert (row["trigger"], row["flow_run_id"], row["live"]) == ("prefect", run["id"], True)


def test_a_run_started_in_prefects_ui_may_name_a_ref_and_prefect_keeps_none_that_could_be_a_secret(
    shop: Through,
) -> None:
    site = Through(shop.context, shop.docker, f"{shop.name}-site", free_port())
    site.create_from({"kind": "static", "url": "file:///nowhere/site.git"})
    with shop.engine():
        deployment = shop.prefect("GET", "/deployments/name/dispatch/dispatch")

        def start(name: str, ref: str) -> Any:
            body = {"parameters": {"workload": name, "ref": ref}, "work_queue_name": shop.context.settings.host_name}
            return shop.prefect("POST", f"/deployments/{deployment['id']}/create_flow_run", body)

        start(site.name, "release/1.2")
        image = start(shop.name, "release/1.2")["id"]
        wait_until(lambda: bool(site.rows()) and site.row(1)["status"] == "failed", 30, "it did not fail")
        wait_until(lambda: shop.prefect("GET", f"/flow_runs/{image}")["state_type"] == "FAILED", 30, "it did not fail")
        assert shop.prefect("GET", f"/flow_runs/{image}")["state"]["message"] == "invalid_spec"
        for secret in (
            "https://ann:hunter2@host/x",
            "ann:hunter2",
            "ann@host",
            "--option",
            "glpat-abc",
            "ghp_" + "a" * 36,
        ):
            with pytest.raises(httpx.HTTPStatusError):
                start(site.name, secret)
    assert "release/1.2" in site.row(1)["requested"]
    assert shop.rows() == []


def test_a_tick_a_second_is_collected_by_the_flow_and_belongs_to_the_workload(shop: Through) -> None:
    with shop.engine():
        shop.deploy()
        deployment = shop.prefect("GET", "/deployments/name/collect-stats/collect-stats")
        body = {"state": {"type": "SCHEDULED"}, "work_queue_name": shop.context.settings.host_name}
        shop.prefect("POST", f"/deployments/{deployment['id']}/create_flow_run", body)

        def collected() -> list[tuple[object, ...]]:
            with shop.context.database.reading() as session:
                workload = workloads.find(session, shop.name)
                assert workload is not None
                return samples.span(session, workload.id, 0, 2**40)

        # One that starts in the last seconds of a minute has few ticks left: the schedule's next one goes on.
        wait_until(lambda: len(collected()) >= 3, 75, "fewer than three samples")
    rows = collected()
    assert len({row[0] for row in rows}) == len(rows)
    assert all(isinstance(row[3], int) and row[3] > 0 for row in rows)


def test_an_engine_that_is_told_to_stop_interrupts_the_deploy_and_ends(shop: Through) -> None:
    with shop.engine() as engine:
        shop.deploy()
        shop.change(health={"tcp": 9, "timeout_s": 60})
        stuck = request_deploy(shop.context, shop.name, ME, f"localhost/{shop.name}:stuck")
        shop.wait(stuck.version, lambda row: row["stage"] == "health")
        engine.send_signal(signal.SIGTERM)
        assert engine.wait(20) == 0
    row = shop.row(2)
    assert (row["status"], row["error_code"]) == ("interrupted", "interrupted")
    assert shop.served() == "version 1"
    assert shop.containers() == {f"{shop.name}-v1": "running"}
    assert shop.run_state(row)[0] == "CRASHED"


def test_a_killed_engine_leaves_no_row_open_and_no_container_behind(shop: Through) -> None:
    with shop.engine() as engine:
        shop.deploy()
        shop.change(health={"tcp": 9, "timeout_s": 60})
        stuck = request_deploy(shop.context, shop.name, ME, f"localhost/{shop.name}:stuck")
        shop.wait(stuck.version, lambda row: row["stage"] == "health")
        engine.kill()
        engine.wait()
    assert shop.row(2)["status"] == "running"
    with shop.engine():
        shop.wait(2, lambda row: row["status"] == "interrupted")
        wait_until(lambda: shop.containers() == {f"{shop.name}-v1": "running"}, 20, lambda: str(shop.containers()))
        assert shop.served() == "version 1"
        assert shop.run_state(shop.row(2))[0] == "CRASHED"
        shop.change(health={"http": "/healthz"})
        assert shop.deploy(f"localhost/{shop.name}:2")["status"] == "succeeded"
    assert [row["status"] for row in shop.rows()] == ["succeeded", "interrupted", "succeeded"]


def test_what_a_webhook_wanted_during_a_deploy_outlives_the_engine(shop: Through) -> None:
    hook = add(shop.context, shop.name, "ann", "generic").hook
    workload = shop.context.workload(hook.workload_id)
    with shop.engine() as engine:
        shop.deploy()
        shop.change(health={"tcp": 9, "timeout_s": 60})
        stuck = request_deploy(shop.context, shop.name, ME, f"localhost/{shop.name}:stuck")
        shop.wait(stuck.version, lambda row: row["stage"] == "health")
        assert receive(shop.context, hook, workload, [Delivery("push", id="1", actor="jenkins")]).outcome == "waiting"
        shop.change(health={"http": "/healthz"})
        engine.kill()
        engine.wait()
    with shop.engine():
        shop.wait(2, lambda row: row["status"] == "interrupted")
        wait_until(lambda: len(shop.rows()) == 3, 30, "the wish is lost")
        shop.wait(3, lambda row: row["status"] == "succeeded")
    assert (shop.row(3)["trigger"], shop.row(3)["actor"]) == ("webhook", "jenkins")
    assert shop.served() == "version 1"


def test_a_deploy_is_cancelled_between_its_steps_and_the_old_version_serves(shop: Through) -> None:
    with shop.engine():
        shop.deploy()
        shop.change(health={"tcp": 9, "timeout_s": 60})
        stuck = request_deploy(shop.context, shop.name, ME, f"localhost/{shop.name}:stuck")
        shop.wait(stuck.version, lambda row: row["stage"] == "health")
        request_cancel(shop.context, shop.name, stuck.version)
        row = shop.ended(stuck)
        assert (row["status"], row["error_code"]) == ("cancelled", "cancelled")
        assert shop.served() == "version 1"
        with pytest.raises(Refusal) as refusal:
            request_cancel(shop.context, shop.name, stuck.version)
        assert refusal.value.code == "not_cancellable"
        wait_until(lambda: shop.run_state(row)[0] == "CANCELLED", 20, "Prefect does not say cancelled")


def test_cancelling_in_prefect_cancels_the_deploy(shop: Through) -> None:
    with shop.engine():
        shop.deploy()
        shop.change(health={"tcp": 9, "timeout_s": 60})
        stuck = request_deploy(shop.context, shop.name, ME, f"localhost/{shop.name}:stuck")
        shop.wait(stuck.version, lambda row: row["stage"] == "health")
        state = {"type": "CANCELLING", "name": "Cancelling"}
        shop.prefect("POST", f"/flow_runs/{shop.row(2)['flow_run_id']}/set_state", {"state": state})
        assert shop.ended(stuck)["status"] == "cancelled"
        assert shop.served() == "version 1"
        wait_until(lambda: shop.run_state(shop.row(2))[0] == "CANCELLED", 20, "Prefect does not say cancelled")


def test_a_deploy_that_was_cancelled_before_it_began_never_begins(shop: Through) -> None:
    with shop.engine():
        pass  # has registered the deployments
    queued = request_deploy(shop.context, shop.name, ME)
    assert request_cancel(shop.context, shop.name, queued.version).status == "cancelled"
    with shop.engine():
        wait_until(lambda: shop.run_state(shop.row(1))[0] == "CANCELLED", 30, "the run was not closed")
    assert shop.containers() == {}
    assert shop.row(1)["status"] == "cancelled"


def test_without_prefect_a_request_is_refused_with_a_failed_row(shop: Through) -> None:
    settings = shop.context.settings.model_copy(update={"prefect_api_url": f"http://127.0.0.1:{free_port()}/api"})
    alone = Context.open(settings, "alone", quiet=True)
    with pytest.raises(Refusal) as refusal:
        request_deploy(alone, shop.name, ME)
    alone.close()
    assert refusal.value.code == "orchestrator_unreachable"
    row = shop.row(1)
    assert (row["status"], row["error_code"], row["flow_run_id"]) == ("failed", "orchestrator_unreachable", None)
    assert shop.containers() == {}
    with shop.engine():
        assert shop.deploy()["status"] == "succeeded"


def test_an_engine_that_starts_again_leaves_the_schedules_alone(shop: Through) -> None:
    with shop.engine():
        deployment = shop.prefect("GET", "/deployments/name/housekeeping/housekeeping")
        assert [one["active"] for one in deployment["schedules"]] == [True]
        schedule = deployment["schedules"][0]["id"]
        shop.prefect("PATCH", f"/deployments/{deployment['id']}/schedules/{schedule}", {"active": False})
    with shop.engine():
        paused = shop.prefect("GET", "/deployments/name/housekeeping/housekeeping")
        assert [one["active"] for one in paused["schedules"]] == [False]
        going_on = shop.prefect("GET", "/deployments/name/collect-stats/collect-stats")
        assert [one["active"] for one in going_on["schedules"]] == [True]
    schedule = paused["schedules"][0]["id"]
    shop.prefect("PATCH", f"/deployments/{deployment['id']}/schedules/{schedule}", {"active": True})
