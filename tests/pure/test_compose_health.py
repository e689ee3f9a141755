"""Whether services work: looks at their containers, and what follows."""

from __future__ import annotations

from typing import Any

import pytest

from db.states import ErrorCode
from tasks.docker.records import ContainerRecord
from tasks.rollout.compose_health import Limits, Trouble, all_ended, is_as_pinned, trouble, waits_for, why_up_failed

RUNS = {
    "web": {"count": 1, "once": False, "since": 2},
    "db": {"count": 1, "once": False, "since": 1},
    "job": {"count": 1, "once": True, "since": 2},
}
PIN = {"runs": RUNS, "services": {name: {"image_id": f"sha256:{name}"} for name in RUNS}}
LIMIT = Limits(30, 3)


def container(service: str, state: str = "running", **of: Any) -> ContainerRecord:
    labels = {
        "backstay.service": service,
        "backstay.deploy": str(of.pop("version", RUNS.get(service, {}).get("since"))),
    }
    usual = {
        "id": service,
        "image_id": f"sha256:{service}",
        "exit_code": 0,
        "oom_killed": False,
        "restarts": 0,
        "health": None,
        "running": state == "running",
    }
    rest = {"name": service, "address": "", "created_at": "", "started_at": "", "ports": []}
    return ContainerRecord(labels=labels, state=state, **(usual | rest | of))


def all_but(service: str, *others: ContainerRecord) -> list[ContainerRecord]:
    there = [container("web"), container("db"), container("job", "exited")]
    return [one for one in there if one.labels["backstay.service"] != service] + list(others)


FINE = all_but("")


@pytest.mark.parametrize(
    ("records", "code"),
    [
        (FINE, None),
        (all_but("web", container("web", "exited", exit_code=3)), ErrorCode.EXITED_EARLY),
        (all_but("web", container("web", "exited", exit_code=0)), ErrorCode.EXITED_EARLY),
        (all_but("web", container("web", "restarting")), ErrorCode.EXITED_EARLY),
        (all_but("web", container("web", restarts=1)), ErrorCode.EXITED_EARLY),
        (all_but("web", container("web", "exited", oom_killed=True)), ErrorCode.OUT_OF_MEMORY),
        (all_but("web", container("web", health="unhealthy")), ErrorCode.HEALTH_TIMEOUT),
        (all_but("web", container("web", health="starting")), None),
        (all_but("web", container("web", "created")), None),
        (all_but("job", container("job", "exited", exit_code=1)), ErrorCode.EXITED_EARLY),
        (all_but("job", container("job")), None),
        (all_but("job"), None),
    ],
)
def test_a_container_that_is_over_is_trouble_unless_it_may_end(
    records: list[ContainerRecord], code: ErrorCode | None
) -> None:
    found = trouble(RUNS, records, {})
    assert (found.code if found else None) == code


def test_restarts_from_before_the_rollout_do_not_count() -> None:
    records = all_but("db", container("db", restarts=4))
    assert trouble(RUNS, records, {"db": 4}) is None
    assert trouble(RUNS, records, {"db": 3}) == Trouble("db", ErrorCode.EXITED_EARLY)


@pytest.mark.parametrize(
    ("records", "waited", "late"),
    [
        (FINE, 0, "db"),
        (FINE, 3, None),
        (all_but("web", container("web", health="starting")), 3, "web"),
        (all_but("web", container("web", health="healthy")), 3, None),
        (all_but("web", container("web", "created")), 3, "web"),
        (all_but("web"), 3, "web"),
        (all_but("job"), 3, None),
    ],
)
def test_the_first_service_that_is_not_there_yet_is_waited_for(
    records: list[ContainerRecord], waited: float, late: str | None
) -> None:
    assert waits_for(RUNS, records, waited, LIMIT) == late


@pytest.mark.parametrize(
    ("records", "timed_out", "port", "why"),
    [
        (all_but("db", container("db", "exited", exit_code=1)), False, True, Trouble("db", ErrorCode.EXITED_EARLY)),
        (all_but("web", container("web", "created")), False, True, Trouble("web", ErrorCode.PORT_IN_USE)),
        (all_but("web", container("web", "created")), False, False, Trouble("web", ErrorCode.START_FAILED)),
        (all_but("web", container("web", "created")), True, False, Trouble("web", ErrorCode.HEALTH_TIMEOUT)),
        (
            [container("db", "created"), container("web", "created", exit_code=128)],
            False,
            False,
            Trouble("web", ErrorCode.START_FAILED),
        ),
        (
            [container("db", "created"), container("web", "created", exit_code=128, host_not_ready=True)],
            False,
            True,
            Trouble("web", ErrorCode.HOST_NOT_READY),
        ),
        (all_but("web"), False, False, Trouble("web", ErrorCode.CREATE_FAILED)),
        ([container("job", "exited")], False, False, Trouble("db, web", ErrorCode.CREATE_FAILED)),
    ],
)
def test_why_it_did_not_come_up_is_told_by_the_containers(
    records: list[ContainerRecord], timed_out: bool, port: bool, why: Trouble
) -> None:
    assert why_up_failed(RUNS, records, {}, timed_out=timed_out, port_is_taken=port) == why


@pytest.mark.parametrize(
    ("records", "as_pinned"),
    [
        (FINE, True),
        (all_but("job"), True),
        (all_but("job", container("job")), True),
        (all_but("job", container("job", "exited", exit_code=1)), False),
        (all_but("web"), False),
        (all_but("web", container("web", "exited")), False),
        (all_but("web", container("web", "paused", running=True)), False),
        (all_but("web", container("web", image_id="sha256:other")), False),
        (all_but("job", container("job", "exited", image_id="sha256:other")), False),
        (all_but("db", container("db", version=2)), False),
        ([*FINE, container("web", id="second")], False),
        ([*FINE, container("left-over")], False),
    ],
)
def test_what_runs_is_as_pinned_when_every_container_is(records: list[ContainerRecord], as_pinned: bool) -> None:
    assert is_as_pinned(PIN, records) is as_pinned


MAY_END = RUNS | {"web": RUNS["web"] | {"may_end": True}}


@pytest.mark.parametrize(
    ("web", "code", "as_pinned"),
    [
        ([container("web")], None, True),
        ([container("web", "exited")], None, True),
        ([container("web", "exited", exit_code=2)], ErrorCode.EXITED_EARLY, False),
        ([container("web", "exited", oom_killed=True)], ErrorCode.OUT_OF_MEMORY, True),
        ([container("web", restarts=1)], ErrorCode.EXITED_EARLY, True),
        ([], None, False),  # it may end, and still has to be there
    ],
)
def test_what_docker_leaves_alone_when_it_ended_well_may_end(
    web: list[ContainerRecord], code: ErrorCode | None, as_pinned: bool
) -> None:
    found = trouble(MAY_END, all_but("web", *web), {})
    assert (found.code if found else None) == code
    assert is_as_pinned({**PIN, "runs": MAY_END}, all_but("web", *web)) is as_pinned
    ready = waits_for(MAY_END, all_but("web", *web), 30, LIMIT)
    assert ready == (None if web else "web")


UNSAID = {name: one | ({} if one["once"] else {"unsaid": True}) for name, one in RUNS.items()}
UNSAID_PIN = {**PIN, "runs": UNSAID}


@pytest.mark.parametrize(
    ("web", "code", "as_pinned"),
    [
        (container("web", restart="no"), None, True),
        (container("web", "exited", restart="no"), None, True),
        (container("web", "exited", exit_code=2, restart="no"), ErrorCode.EXITED_EARLY, False),
        (container("web", "exited", oom_killed=True, restart="no"), ErrorCode.OUT_OF_MEMORY, True),
        (container("web", restarts=1, restart="no"), ErrorCode.EXITED_EARLY, True),
        # It ran when its release went live, and Docker keeps it running since then: somebody stopped it.
        (container("web", "exited", restart="always"), ErrorCode.EXITED_EARLY, False),
    ],
)
def test_a_service_whose_file_does_not_say_is_done_when_it_ended_well(
    web: ContainerRecord, code: ErrorCode | None, as_pinned: bool
) -> None:
    records = all_but("web", web)
    found = trouble(UNSAID, records, {})
    assert (found.code if found else None) == code
    assert is_as_pinned(UNSAID_PIN, records) is as_pinned


def test_what_is_done_is_not_waited_for_and_still_has_to_be_there() -> None:
    assert waits_for(UNSAID, all_but("web", container("web", "exited", restart="no")), 30, LIMIT) is None
    assert waits_for(UNSAID, all_but("web"), 30, LIMIT) == "web"
    assert not is_as_pinned(UNSAID_PIN, all_but("web"))


def test_a_stack_of_which_nothing_runs_any_more_has_ended_early() -> None:
    over = [container(name, "exited", restart="no") for name in RUNS]
    assert all_ended(UNSAID, over) == Trouble("db", ErrorCode.EXITED_EARLY)
    assert not is_as_pinned(UNSAID_PIN, over)
    assert all_ended(UNSAID, [container("web"), *over[1:]]) is None
    assert all_ended(UNSAID, [container("web", "created"), *over[1:]]) is None
    # A file that calls all of them jobs means it.
    jobs = {name: one | {"once": True} for name, one in RUNS.items()}
    assert all_ended(jobs, over) is None
    assert is_as_pinned({**PIN, "runs": jobs}, over)
