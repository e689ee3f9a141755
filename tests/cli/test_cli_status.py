"""`backstay status`: one word for each workload, and an exit code for one that is not well."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from db.connection import Database
from db.health import status
from db.health.codes import NOT_WELL, Judgement, StatusReason, WorkloadStatus
from db.settings import Settings
from flows.home_locks import hold_engine_lock
from tests.cli.conftest import Backstay
from tests.ledger_steps import add_workload, deploy_badly, deploy_well

BY_LOOKS = sorted(set(WorkloadStatus) - {"new", "deploying", "failed", "removing"})


@pytest.fixture
def shop(database: Database, now: datetime) -> int:
    """A workload with a live version."""
    with database.writing() as session:
        workload_id = add_workload(session, now)
        deploy_well(session, workload_id, now, "a")
    return workload_id


@pytest.fixture
def engine_runs(settings: Settings) -> Iterator[None]:
    """The engine of the host runs, as far as its lock tells."""
    with hold_engine_lock(settings):
        yield


def looked_at(database: Database, workload_id: int, now: datetime, found: Judgement) -> None:
    """The engine has looked at the containers of the live version."""
    from db import history

    with database.writing() as session:
        live = history.live(session, workload_id)
        assert live is not None
        status.put(session, workload_id, live, found, now)


@pytest.mark.parametrize("word", BY_LOOKS)
def test_the_exit_code_is_1_for_one_that_is_not_well(
    backstay: Backstay, database: Database, shop: int, engine_runs: None, now: datetime, word: WorkloadStatus
) -> None:
    looked_at(database, shop, now, Judgement(word, StatusReason.CRASHED))
    code = 1 if word in NOT_WELL else 0
    assert backstay("status", "shop").code == backstay("status", "shop", "--json").code == code
    assert backstay("status").code == 0


def test_it_says_the_word_and_why(
    backstay: Backstay, database: Database, shop: int, engine_runs: None, now: datetime
) -> None:
    reason = StatusReason.OUT_OF_MEMORY
    looked_at(database, shop, now, Judgement(WorkloadStatus.CRASHING, reason, None, 137, ("db",), 3))
    head, line = backstay("status").out.splitlines()
    assert head.split() == ["NAME", "STATUS", "LIVE", "PIN", "LAST", "REQUESTED"]
    assert line.split()[:2] == ["shop", "crashing"]
    said = backstay("status", "shop")
    why = "out_of_memory; exit code 137; services db; 3 unasked ends within ten minutes; since 2026-11-23 12:00:00"
    assert said.out.splitlines()[2].strip() == why
    found = backstay("status", "shop", "--json").json
    assert (found["status"], found["status_reason"], found["restarts_10m"]) == ("crashing", "out_of_memory", 3)
    assert found["status_since"] == "2026-11-23T12:00:00.000Z"


def test_without_an_engine_nobody_knows(backstay: Backstay, shop: int) -> None:
    said = backstay("status", "shop")
    assert (said.code, said.out.split()[7]) == (1, "unknown")
    assert "engine_away" in said.out


def test_what_never_went_live_is_failed_and_what_was_never_deployed_is_new(
    backstay: Backstay, database: Database, now: datetime
) -> None:
    with database.writing() as session:
        workload_id = add_workload(session, now)
    assert backstay("status", "shop").code == 0
    with database.writing() as session:
        deploy_badly(session, workload_id, now)
    said = backstay("status", "shop")
    assert said.code == 1
    assert "health_timeout" in said.out
