"""Requests, engines, Prefect and reconcile against a model: random lives in which each of them dies now and then.

The ledger, the way in and reconcile are the product's. Prefect is a dict of runs, which can lose an answer, be away,
and forget everything, a hundred times a second; an engine is a name with the rows that it has in hand.
"""

from __future__ import annotations

import itertools
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import event

from db import history, ledger
from db.connection import Database
from db.models import Deploy
from db.settings import Settings
from db.states import FINAL, ErrorCode, Status, Trigger, status_for
from flows.requests import (
    Asked,
    Refusal,
    cancel_by_run,
    open_deploy,
    request_cancel,
    request_deploy,
    request_rollback,
)
from flows.upkeep.reconcile import CANCELS, ORPHANED_AFTER, reconcile
from flows.workloads.lifecycle import create
from tasks.context import Context, now
from tasks.prefect_api import TERMINAL, PrefectApi, PrefectUnreachable
from tests.conftest import FAULTS
from tests.ledger_steps import pin

KEEP, KEEP_IMAGES = 4, 2
BAD = (ErrorCode.HEALTH_TIMEOUT, ErrorCode.ENGINE_UNREACHABLE, ErrorCode.CANCELLED)


class PrefectByHand(PrefectApi):
    """State types by run id. `mood`: up, away, or silent, which does what it is asked and does not answer."""

    def __init__(self, of: Settings) -> None:
        super().__init__(of)
        self.runs: dict[str, str] = {}
        self.deploys: dict[str, int] = {}
        self.mood = "up"

    def start(self, deployment: str, host: str, name: str, parameters: dict[str, Any], key: str) -> str:
        """Create a run, whose id is its key."""
        if self.mood != "away":
            self.runs.setdefault(key, "SCHEDULED")
            self.deploys[key] = parameters["deploy_id"]
        self._answer()
        return key

    def run_state(self, run_id: str) -> str | None:
        """The state type."""
        self._answer()
        return self.runs.get(run_id)

    def bring_forward(self, run_id: str, moment: datetime) -> bool:
        """Nothing here is due later."""
        self._answer()
        return False

    def crash(self, run_id: str, message: str) -> None:
        """Close a run, if there is one."""
        self._answer()
        if run_id in self.runs:
            self.runs[run_id] = "CRASHED"

    def _answer(self) -> None:
        if self.mood != "up":
            raise PrefectUnreachable(self.mood)


@dataclass
class Row:
    """What the model remembers of an accepted request."""

    version: int
    status: Status
    queued_at: datetime
    key: str | None = None
    run: str | None = None
    engine: int | None = None
    cancel: bool = False


@dataclass
class Model:
    """The rows of one workload, by version."""

    rows: dict[int, Row] = field(default_factory=dict)
    opened: int = 0

    @property
    def unfinished(self) -> Row | None:
        """The one that is queued or running."""
        return next((row for row in self.rows.values() if row.status not in FINAL), None)

    def end(self, row: Row, code: ErrorCode) -> None:
        """End a row without success."""
        row.status = status_for(ErrorCode.CANCELLED if row.cancel else code)


class Life(RuleBasedStateMachine):
    """A workload's life, through the way in and with everybody dying now and then."""

    context: ClassVar[Context]
    names: ClassVar[Iterator[int]] = itertools.count()
    clock: ClassVar[list[datetime]]

    def __init__(self) -> None:
        super().__init__()
        self.model, self.engine, self.at_work = Model(), 1, set[int]()
        self.prefect = PrefectByHand(self.context.settings)
        self.context.prefect = self.prefect
        self.name = f"w{next(self.names)}"
        spec = {"name": self.name, "source": {"kind": "image", "image": "localhost/shop:1"}}
        self.workload_id = create(self.context, spec, "tester").id
        self.ended: dict[int, tuple[Any, ...]] = {}

    # What people do

    @rule(seconds=st.integers(-20, 40))
    def the_clock_moves(self, seconds: int) -> None:
        self.clock[0] += timedelta(seconds=seconds)

    @rule(key=st.sampled_from([None, None, None, "k1", "k2"]), dies=st.booleans(), back=st.booleans())
    def request(self, key: str | None, dies: bool, back: bool) -> None:
        """`dies`: the web process, between the row and the question to Prefect."""
        asked = Asked(Trigger.API, "tester", idempotency_key=key)
        known = next((row for row in self.model.rows.values() if key and row.key == key), None)
        target = self._default_target() if back else None
        code = None
        try:
            if dies and not back:
                version = open_deploy(self.context, self.name, asked)[0].version
            elif back:
                version = request_rollback(self.context, self.name, asked).version
            else:
                version = request_deploy(self.context, self.name, asked).version
        except Refusal as refusal:
            code, version = refusal.code, 0
        if known is not None:
            assert (code, version) == (None, known.version)
        elif back and target is None:
            assert code == "nothing_to_roll_back_to"
        elif self.model.unfinished is not None:
            assert code == "deploy_in_flight"
        else:
            self._accepted(key, died=dies and not back, code=code)

    def _accepted(self, key: str | None, *, died: bool, code: str | None) -> None:
        self.model.opened += 1
        row = Row(self.model.opened, Status.QUEUED, self.clock[0], key)
        self.model.rows[row.version] = row
        if died:
            assert code is None
        elif self.prefect.mood == "up":
            assert code is None
            row.run = self._seen(row.version).flow_run_id
            assert row.run in self.prefect.runs
        else:
            assert code == "orchestrator_unreachable"
            row.status = Status.FAILED

    @rule(key=st.sampled_from(["k1", "k2"]), shown=st.integers(0, 3))
    def roll_back_on_a_stale_page(self, key: str, shown: int) -> None:
        live = self._live()
        if (live and live.version == shown) or any(row.key == key for row in self.model.rows.values()):
            return
        with pytest.raises(Refusal) as refusal:
            request_rollback(self.context, self.name, Asked(Trigger.API, "tester", key), expected_live=shown)
        assert refusal.value.code == "live_changed"

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        row = self.model.rows[data.draw(st.sampled_from(sorted(self.model.rows)))]
        over = row.status in FINAL
        try:
            request_cancel(self.context, self.name, row.version)
            assert not over
        except Refusal as refusal:
            assert (refusal.code, over) == ("not_cancellable", True)
        self._model_cancel(row)

    @precondition(lambda self: self.prefect.runs)
    @rule(data=st.data(), heard=st.booleans())
    def cancel_in_prefect(self, data: st.DataObject, heard: bool) -> None:
        """Whether the event of it reaches the engine or not."""
        run = data.draw(st.sampled_from(sorted(self.prefect.runs)))
        if self.prefect.runs[run] in TERMINAL:
            return
        self.prefect.runs[run] = "CANCELLED" if self.prefect.runs[run] == "SCHEDULED" else "CANCELLING"
        if heard:
            cancel_by_run(self.context, run)
            for row in self.model.rows.values():
                if row.run == run:
                    self._model_cancel(row)

    def _model_cancel(self, row: Row) -> None:
        if row.status not in FINAL:
            row.cancel = True
            if row.status == Status.QUEUED:
                row.status = Status.CANCELLED

    # What programs do

    @rule()
    def the_engine_takes_what_is_due(self) -> None:
        if self.prefect.mood != "up":
            return
        for run in [run for run, state in self.prefect.runs.items() if state == "SCHEDULED"]:
            deploy_id = self.prefect.deploys[run]
            with self.context.database.writing() as session:
                claimed = ledger.claim(session, deploy_id, f"engine-{self.engine}", run, self.clock[0])
                version = session.get_one(Deploy, deploy_id).version if claimed else 0
            row = self.model.rows.get(version)
            assert (row is not None and row.status == Status.QUEUED) is (claimed is not None)
            self.prefect.runs[run] = "RUNNING" if row else "CANCELLED"
            if row is not None:
                row.status, row.engine, row.run = Status.RUNNING, self.engine, run
                self.at_work.add(deploy_id)

    @precondition(lambda self: self.at_work)
    @rule(image=st.sampled_from("ab"), code=st.sampled_from([None, None, *BAD]), dies=st.booleans())
    def the_engine_finishes(self, image: str, code: ErrorCode | None, dies: bool) -> None:
        """`dies`: the engine, right after the row has ended."""
        (deploy_id,) = self.at_work
        with self.context.database.writing() as session:
            row = self.model.rows[session.get_one(Deploy, deploy_id).version]
            ledger.record_pin(session, deploy_id, pin(image))
            if code is None:
                ledger.succeed(session, deploy_id, [], self.clock[0])
            else:
                ledger.fail(session, deploy_id, code, "f" * 16, self.clock[0])
        row.status = Status.SUCCEEDED if code is None else status_for(code)
        self.at_work.clear()
        if dies:
            self.the_engine_dies()
        elif self.prefect.mood == "up" and row.run in self.prefect.runs:
            self.prefect.runs[row.run] = "COMPLETED"

    @rule()
    def the_engine_dies(self) -> None:
        self.engine += 1
        self.at_work.clear()

    @rule(mood=st.sampled_from(["up", "up", "away", "silent"]))
    def prefect_changes(self, mood: str) -> None:
        self.prefect.mood = mood

    @rule()
    def prefect_forgets_everything(self) -> None:
        self.prefect.runs.clear()

    @rule()
    def prune(self) -> None:
        with self.context.database.writing() as session:
            ledger.prune(session, self.workload_id, KEEP, KEEP_IMAGES)
            left = {row.version for row in history.page(session, self.workload_id, limit=1000)}
        newest = sorted(self.model.rows, reverse=True)
        assert left >= set(newest[:KEEP]) | {row.version for row in self.model.rows.values() if row.status not in FINAL}
        self.model.rows = {version: row for version, row in self.model.rows.items() if version in left}

    @rule()
    def reconcile(self) -> None:
        reconcile(self.context, f"engine-{self.engine}", self.at_work)
        row = self.model.unfinished
        if row is None:
            return
        up = self.prefect.mood == "up"
        if up and row.run is not None and self.prefect.runs.get(row.run) in CANCELS and not row.cancel:
            self._model_cancel(row)
        if row.status == Status.RUNNING and (row.engine != self.engine or not self.at_work):
            self.model.end(row, ErrorCode.INTERRUPTED)
        elif row.status == Status.QUEUED and row.run is None:
            if abs(self.clock[0] - row.queued_at) > ORPHANED_AFTER:
                self.model.end(row, ErrorCode.INTERRUPTED)
        elif row.status == Status.QUEUED and up and self.prefect.runs.get(row.run or "") in {None, *TERMINAL}:
            self.model.end(row, ErrorCode.INTERRUPTED)

    # What must hold

    @invariant()
    def the_ledger_is_as_the_model_says(self) -> None:
        with self.context.database.reading() as session:
            rows = history.page(session, self.workload_id, limit=1000)
        seen = {row.version: (row.status, bool(row.cancel_requested)) for row in rows}
        assert seen == {row.version: (row.status, row.cancel) for row in self.model.rows.values()}
        assert sum(row.live for row in rows) <= 1
        for row in rows:
            if row.status in FINAL:
                seen_now = (row.status, row.error_code, row.finished_at, row.pin, row.replaced)
                assert self.ended.setdefault(row.version, seen_now) == seen_now

    def teardown(self) -> None:
        """Once all of them run again, nothing is open any more within a minute, and the workload can be deployed."""
        self.prefect.mood = "up"
        self.the_engine_dies()
        self.the_engine_takes_what_is_due()
        if self.at_work:
            self.the_engine_finishes("a", None, dies=False)
        for _ in range(2):
            self.clock[0] += timedelta(seconds=31)
            self.reconcile()
        assert self.model.unfinished is None
        self.the_ledger_is_as_the_model_says()
        assert request_deploy(self.context, self.name, Asked(Trigger.API, "tester")).version == self.model.opened + 1

    def _seen(self, version: int) -> Deploy:
        with self.context.database.reading() as session:
            row = history.find(session, self.workload_id, version)
            assert row is not None
            return row

    def _live(self) -> Deploy | None:
        with self.context.database.reading() as session:
            return history.live(session, self.workload_id)

    def _default_target(self) -> Deploy | None:
        with self.context.database.reading() as session:
            return history.default_rollback_target(session, self.workload_id)


@pytest.fixture
def machine(migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Life]]:
    """The machine over a ledger of its own; each life is another workload of it."""
    context = Context.open(Settings(home=tmp_path / "home"), "test", quiet=True)
    shutil.copy(migrated_sqlite, tmp_path / "home" / "backstay.db")
    context.database = Database(context.settings.ledger_url)
    # Thousands of commits: a busy disk would make minutes of them.
    event.listen(context.database.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    clock = [datetime(2026, 1, 1, tzinfo=UTC)]
    for module in [one for name, one in sys.modules.items() if name.startswith("flows.")]:
        if getattr(module, "now", None) is now:
            monkeypatch.setattr(module, "now", lambda: clock[0])
    yield type("Machine", (Life,), {"context": context, "clock": clock})
    context.close()


def test_no_sequence_of_requests_crashes_cancels_and_reconciles_leaves_a_row_open_or_untrue(
    machine: type[Life],
) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=1000 if FAULTS == "all" else 60,
            stateful_step_count=40,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
