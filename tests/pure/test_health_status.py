"""Whether a live version is well: the decision table, and which containers are started again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.health.codes import Judgement, StatusReason, WorkloadStatus
from db.states import ErrorCode
from tasks.containers.health_status import End, Facts, Part, is_changing, judge, to_start
from tasks.docker.records import ContainerRecord
from tasks.docker.start_errors import start_error

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
EXITED = {"state": "exited"}
RESTARTING = {"state": "restarting", "exit_code": 3}
PAUSED = {"state": "paused", "running": True}


def container(name: str = "app", **of: Any) -> ContainerRecord:
    """A container that Docker keeps running."""
    state = of.pop("state", "running")
    usual = {"running": state == "running", "exit_code": 0, "oom_killed": False, "restarts": 0, "health": None}
    return ContainerRecord(
        id=name, name=name, labels={}, image_id="sha256:a", state=state, address="", created_at="", started_at="",
        ports=[], **{**usual, "restart": "always", **of},
    )  # fmt: skip


def part(name: str = "app", *containers: ContainerRecord, wanted: int = 1, **of: Any) -> Part:
    """A service; with one running container unless others are given."""
    return Part(name, wanted, containers, **of)


def end(name: str = "app", reason: str = "crashed", ago_s: float = 5, exit_code: int | None = 3) -> End:
    """How a container ended."""
    return End(name, StatusReason(reason), NOW - timedelta(seconds=ago_s), exit_code)


def facts(*parts: Part, recent: list[End] | None = None, as_pinned: bool = True, **of: Any) -> Facts:
    """What was seen; how a container ended is known of those in `recent` and `last`."""
    known = {one.docker_id: one for one in [*(recent or []), *of.pop("last", [])]}
    return Facts(parts, recent or [], known, as_pinned, **of)


def down(name: str, **of: Any) -> Part:
    """A service whose container has ended."""
    return part(name, container(name, **{**EXITED, "exit_code": 3, **of}))


def up(name: str, **of: Any) -> Part:
    """A service that runs."""
    return part(name, container(name, **of))


JOB = part("migrate", container("migrate", **EXITED), may_end=True, once=True)
CASES: dict[str, tuple[Facts, tuple[Any, ...]]] = {
    # what was seen -> status, reason, exit code, services, ends within ten minutes
    "it runs": (facts(up("app")), ("live", None, None, (), 0)),
    "it runs again after one crash": (facts(up("app"), recent=[end()]), ("live", None, None, (), 1)),
    "two crashes, and it runs": (facts(up("app"), recent=[end(ago_s=60), end()]), ("crashing", "crashed", 3, (), 2)),
    "two crashes, and Docker waits": (
        facts(part("app", container(**RESTARTING)), recent=[end(ago_s=60), end()]),
        ("crashing", "crashed", 3, (), 2),
    ),
    "crashed once, Docker waits": (
        facts(part("app", container(**RESTARTING)), recent=[end()]),
        ("down", "crashed", 3, (), 1),
    ),
    "out of memory twice, and it runs": (
        facts(up("app"), recent=[end(ago_s=60), end(reason="out_of_memory", exit_code=137)]),
        ("crashing", "out_of_memory", 137, (), 2),
    ),
    "it ends with 0 again and again": (
        facts(up("app"), recent=[end(reason="finished", exit_code=0, ago_s=n) for n in (90, 60, 30)]),
        ("crashing", "finished", 0, (), 3),
    ),
    "out of memory, and Docker gave it up": (
        facts(down("app", exit_code=137), recent=[end(reason="out_of_memory", exit_code=137, ago_s=n) for n in (9, 5)]),
        ("down", "out_of_memory", 137, (), 2),
    ),
    "stopped by hand": (
        facts(down("app", exit_code=143), last=[end(reason="stopped_by_hand", exit_code=143)]),
        ("down", "stopped_by_hand", 143, (), 0),
    ),
    "crashed twice, then stopped by hand": (
        facts(down("app"), recent=[end(ago_s=9), end(ago_s=7)], last=[end(reason="stopped_by_hand", exit_code=143)]),
        ("down", "stopped_by_hand", 143, (), 2),
    ),
    "its port was taken meanwhile": (
        facts(down("app", start_error=ErrorCode.PORT_IN_USE), recent=[end(reason="out_of_memory")]),
        ("down", "port_in_use", 3, (), 1),
    ),
    "it does not start": (
        facts(down("app", start_error=ErrorCode.START_FAILED, state="created")),
        ("down", "start_failed", None, (), 0),
    ),
    "the host is not ready": (
        facts(down("app", start_error=ErrorCode.HOST_NOT_READY)),
        ("down", "host_not_ready", 3, (), 0),
    ),
    "an end that nobody saw": (facts(down("app", exit_code=1)), ("down", "not_started", 1, (), 0)),
    "an end that nobody saw, and Docker names memory": (
        facts(down("app", exit_code=137, oom_killed=True)),
        ("down", "out_of_memory", 137, (), 0),
    ),
    "ended with 0 though it should run": (
        facts(down("app", exit_code=0), recent=[end(reason="finished", exit_code=0)]),
        ("down", "finished", 0, (), 1),
    ),
    "paused": (facts(part("app", container(**PAUSED))), ("down", "paused", None, (), 0)),
    "removed by hand": (facts(part("app"), as_pinned=False), ("down", "container_gone", None, (), 0)),
    "another image runs": (facts(up("app"), as_pinned=False), ("drifted", "not_as_pinned", None, (), 0)),
    "its check fails": (facts(up("app", health="unhealthy")), ("unhealthy", "health_check_failed", None, (), 0)),
    "its check has just begun": (facts(up("app", health="starting")), ("live", None, None, (), 0)),
    "its own probe fails": (facts(up("app"), failing={"app"}), ("unhealthy", "health_check_failed", None, (), 0)),
    "another image runs, and its check fails": (
        facts(up("app", health="unhealthy"), as_pinned=False),
        ("drifted", "not_as_pinned", None, (), 0),
    ),
    # Stacks.
    "a stack runs": (facts(up("web"), up("db")), ("live", None, None, (), 0)),
    "a finished job of a stack is done": (facts(up("web"), JOB), ("live", None, None, (), 0)),
    "a finished job that is gone was done": (
        facts(up("web"), part("migrate", may_end=True, once=True)),
        ("live", None, None, (), 0),
    ),
    "a stack of jobs, all done": (facts(JOB), ("live", None, None, (), 0)),
    "a job that failed": (
        facts(up("web"), part("migrate", container("migrate", **EXITED | {"exit_code": 2}), may_end=True, once=True),
              last=[end("migrate", exit_code=2)]),
        ("degraded", "crashed", 2, ("migrate",), 0),
    ),
    "a service that may end, and did": (
        facts(up("web"), part("prepare", container("prepare", **EXITED), may_end=True)),
        ("live", None, None, (), 0),
    ),
    "a service whose file says nothing, and that Docker does not start again": (
        facts(up("web"), part("prepare", container("prepare", **EXITED, restart="no"), unsaid=True)),
        ("live", None, None, (), 0),
    ),
    "one that Docker is told to start again was stopped": (
        facts(up("web"), part("prepare", container("prepare", **EXITED, restart="always"), unsaid=True),
              last=[end("prepare", "stopped_by_hand", exit_code=0)]),
        ("degraded", "stopped_by_hand", 0, ("prepare",), 0),
    ),
    "2 of 5 services are down": (
        facts(*(up(name) for name in "abc"), down("d"), down("e"), last=[end("d"), end("e", exit_code=1)]),
        ("degraded", "crashed", 3, ("d", "e"), 0),
    ),
    "a service with 1 of 3 containers down": (
        facts(up("db"), part("web", container("w1"), container("w2"), container("w3", **EXITED), wanted=3),
              last=[end("w3", reason="stopped_by_hand")]),
        ("degraded", "stopped_by_hand", 3, ("web",), 0),
    ),
    "of a stack only the job is done": (facts(down("web"), JOB), ("down", "not_started", 3, ("web",), 0)),
    "a whole stack is stopped": (
        facts(down("web"), down("db"), last=[end("web", reason="stopped_by_hand"), end("db")]),
        ("down", "stopped_by_hand", 3, ("web", "db"), 0),
    ),
    "one of a stack crashes": (
        facts(up("web"), up("db"), recent=[end("db", ago_s=60), end("db")]),
        ("crashing", "crashed", 3, ("db",), 2),
    ),
    "one of a stack crashes, and another is down": (
        facts(up("web"), down("db"), recent=[end("web", ago_s=60), end("web")]),
        ("crashing", "crashed", 3, ("web",), 2),
    ),
    "one of a stack is unhealthy": (
        facts(up("web"), up("db", health="unhealthy")),
        ("unhealthy", "health_check_failed", None, ("db",), 0),
    ),
    "a container that is not of the stack": (
        facts(up("web"), as_pinned=False),
        ("drifted", "not_as_pinned", None, (), 0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_decision_table(case: str) -> None:
    seen, expected = CASES[case]
    found = judge(seen)
    assert (found.status, found.reason, found.exit_code, found.services, found.restarts_10m) == expected


def test_every_status_that_containers_can_have_is_in_the_table() -> None:
    by_rows = {"new", "deploying", "failed", "removing", "stopped", "unknown"}
    assert {expected[0] for _, expected in CASES.values()} == set(WorkloadStatus) - by_rows
    by_others = {"docker_away", "engine_away"}
    assert {expected[1] for _, expected in CASES.values()} == {*StatusReason, None} - by_others


@pytest.mark.parametrize("case", ["two crashes, and it runs", "stopped by hand", "2 of 5 services are down"])
def test_it_is_so_since_its_cause(case: str) -> None:
    assert judge(CASES[case][0]).since == NOW - timedelta(seconds=5)


@pytest.mark.parametrize("case", ["it runs", "removed by hand", "its check fails"])
def test_a_cause_without_a_moment_has_none(case: str) -> None:
    assert judge(CASES[case][0]).since is None


@pytest.mark.parametrize(
    ("one", "last", "wanted"),
    [
        (container(**EXITED, exit_code=137), [end(reason="out_of_memory")], True),
        (container(**EXITED, exit_code=3), [end()], True),
        (container(**EXITED), [end(reason="finished", exit_code=0)], True),
        (container(**EXITED, restart="on-failure", exit_code=3), [end()], True),
        (container(**EXITED, restart="on-failure"), [end(reason="finished")], False),
        (container(**EXITED, restart="on-failure", restart_limit=5, exit_code=3), [end()], False),
        (container(**EXITED, restart="no", exit_code=3), [end()], False),
        (container(**EXITED, exit_code=143), [end(reason="stopped_by_hand")], False),
        (container(**EXITED, exit_code=143), [], False),  # nobody saw who it was
        (container(**EXITED, start_error=ErrorCode.PORT_IN_USE), [end(reason="stopped_by_hand")], True),
        (container(state="created", start_error=ErrorCode.PORT_IN_USE), [], True),
        (container(**RESTARTING), [end()], False),
        (container(**PAUSED), [], False),
        (container(), [end()], False),
    ],
)
def test_what_ought_to_run_and_nobody_stopped_is_started_again(
    one: ContainerRecord, last: list[End], wanted: bool
) -> None:
    assert to_start(facts(part("app", one), last=last)) == [one] * wanted


def test_a_job_is_not_done_again() -> None:
    assert to_start(facts(up("web"), JOB, last=[end("migrate", reason="finished", exit_code=0)])) == []


def test_a_moment_between_two_starts_is_not_the_last_word() -> None:
    assert is_changing(facts(part("app", container(**RESTARTING))))
    assert not is_changing(facts(down("app")))


ENDPOINT = "driver failed programming external connectivity on endpoint shop-v1 (3f2a): "


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("", None),
        (f"{ENDPOINT}Bind for 0.0.0.0:8080 failed: port is already allocated", "port_in_use"),
        (
            f"{ENDPOINT}Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use",
            "port_in_use",
        ),
        (
            f"failed to set up container networking: {ENDPOINT}failed to bind host port for "
            "0.0.0.0:80:172.17.0.2:80/tcp: address already in use",
            "port_in_use",
        ),
        (f'{ENDPOINT}exec: "docker-proxy": executable file not found in $PATH', "host_not_ready"),
        ('OCI runtime create failed: exec: "port is already allocated": not found', "start_failed"),
    ],
)
def test_why_a_start_failed_is_read_from_the_engines_own_words(words: str, code: str | None) -> None:
    assert start_error(words) == code


def test_a_judgement_without_a_cause_is_plain() -> None:
    assert judge(facts(up("app"))) == Judgement(WorkloadStatus.LIVE)
