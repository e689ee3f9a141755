"""The ledger against a model of itself: random lives of a workload, compared after every step (SQLite)."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import event, select

from db import history, ledger
from db.connection import Database
from db.ledger import DeployInFlight
from db.models import Deploy
from db.states import FINAL, ErrorCode, IllegalTransition, Stage, Status, status_for
from tests.ledger_steps import add_workload, ask, deploy_badly, deploy_well, pin

KEEP, KEEP_IMAGES = 4, 2


@dataclass(frozen=True)
class Row:
    """What the model remembers of a deploy."""

    version: int
    id: int
    status: Status
    pin: str | None = None
    live: bool = False
    replaced: int | None = None
    rollback_of: int | None = None
    cancel: bool = False
    stage: Stage | None = None

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.status in FINAL

    @property
    def may_stop(self) -> bool:
        """Whether it can be asked to."""
        return not self.over and self.stage is not Stage.FINISH


@dataclass
class Model:
    """A ledger of one workload, in twenty lines and without a database."""

    rows: dict[int, Row] = field(default_factory=dict)  # by version
    opened: int = 0

    @property
    def unfinished(self) -> Row | None:
        """The one that is queued or running."""
        return next((row for row in self.rows.values() if not row.over), None)

    @property
    def live(self) -> Row | None:
        """The one that serves."""
        return next((row for row in self.rows.values() if row.live), None)

    def put(self, row: Row, **changes: Any) -> None:
        """Change a row."""
        self.rows[row.version] = replace(row, **changes)

    def way_back(self) -> int | None:
        """Where a rollback goes by default: the newest other pin whose latest version was not rolled back from."""
        if self.live is None:
            return None
        left = {row.replaced for row in self.rows.values() if row.rollback_of and row.status == Status.SUCCEEDED}
        good = [
            row for row in self.rows.values() if row.status == Status.SUCCEEDED and row.version <= self.live.version
        ]
        latest = {row.pin: row.version for row in sorted(good, key=lambda row: row.version)}
        return max((one for pin, one in latest.items() if pin != self.live.pin and one not in left), default=None)


class LedgerMachine(RuleBasedStateMachine):
    """Lives a workload's life in the ledger and in the model."""

    database: ClassVar[Database]
    names: ClassVar[Iterator[int]] = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.ended: dict[int, tuple[Any, ...]] = {}

    @initialize()
    def create(self) -> None:
        with self.database.writing() as session:
            self.workload_id = add_workload(session, self.now, name=f"w{next(self.names)}")

    @rule(seconds=st.integers(-60, 60))
    def the_clock_moves(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(back=st.booleans())
    def open(self, back: bool) -> None:
        target, chosen = self._target(back)
        asked = {"rollback_of": target, "pin": pin(chosen)} if chosen else {}
        try:
            with self.database.writing() as session:
                deploy = ask(session, self.workload_id, self.now, **asked)
        except DeployInFlight:
            assert self.model.unfinished is not None
            return
        assert self.model.unfinished is None
        assert deploy.version == self.model.opened + 1
        self.model.opened += 1
        self.model.put(Row(deploy.version, deploy.id, Status.QUEUED, chosen, rollback_of=target))

    @precondition(lambda self: not self.model.unfinished)
    @rule(image=st.sampled_from("aaab"), back=st.booleans())
    def go_all_the_way(self, image: str, back: bool) -> None:
        # What the single steps rarely add up to: a history with several successes and ways back.
        target, chosen = self._target(back)
        asked = {"rollback_of": target, "pin": pin(chosen)} if chosen else {}
        chosen = chosen or image
        before = self.model.live
        with self.database.writing() as session:
            deploy = deploy_well(session, self.workload_id, self.now, chosen, **asked)
        self.model.opened += 1
        if before:
            self.model.put(before, live=False)
        done = Row(deploy.version, deploy.id, Status.SUCCEEDED, chosen, live=True, rollback_of=target, stage=Stage.PIN)
        self.model.put(done, replaced=before.version if before else None)

    @precondition(lambda self: not self.model.unfinished)
    @rule(times=st.integers(1, 5))
    def fail_again_and_again(self, times: int) -> None:
        with self.database.writing() as session:
            for _ in range(times):
                deploy = deploy_badly(session, self.workload_id, self.now)
                self.model.opened += 1
                self.model.put(Row(deploy.version, deploy.id, Status.FAILED, stage=Stage.PIN))

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data())
    def claim(self, data: st.DataObject) -> None:
        row = self._some(data)
        with self.database.writing() as session:
            claimed = ledger.claim(session, row.id, "engine", None, self.now)
        assert (claimed is not None) == (row.status == Status.QUEUED)
        if claimed:
            self.model.put(row, status=Status.RUNNING, stage=Stage.PIN)

    @precondition(lambda self: self.model.unfinished)
    @rule(stage=st.sampled_from(Stage), image=st.sampled_from("abc"))
    def go_on(self, stage: Stage, image: str) -> None:
        row = self.model.unfinished
        assert row is not None
        if row.status != Status.RUNNING:
            return
        image = row.pin or image
        with self.database.writing() as session:
            assert ledger.enter_stage(session, row.id, stage, []) == row.cancel
            ledger.record_pin(session, row.id, pin(image))
        self.model.put(row, pin=image, stage=stage)

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data())
    def ask_to_stop(self, data: st.DataObject) -> None:
        row = self._some(data)
        with self.database.writing() as session:
            assert ledger.request_cancel(session, row.id) == row.may_stop
        if row.may_stop:
            self.model.put(row, cancel=True)

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data())
    def succeed(self, data: st.DataObject) -> None:
        row = self._some(data)
        possible = row.status == Status.RUNNING
        try:
            with self.database.writing() as session:
                ledger.succeed(session, row.id, [], self.now)
        except IllegalTransition:
            assert not possible
            return
        assert possible
        before = self.model.live
        if before:
            self.model.put(before, live=False)
        self.model.put(row, status=Status.SUCCEEDED, live=True, replaced=before.version if before else None)

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data(), code=st.sampled_from(ErrorCode))
    def fail(self, data: st.DataObject, code: ErrorCode) -> None:
        row = self._some(data)
        try:
            with self.database.writing() as session:
                ledger.fail(session, row.id, code, "f", self.now)
        except IllegalTransition:
            assert row.over
            return
        assert not row.over
        self.model.put(row, status=status_for(code))

    @rule()
    def prune(self) -> None:
        way_back = self.model.way_back()
        with self.database.writing() as session:
            ledger.prune(session, self.workload_id, KEEP, KEEP_IMAGES)
            left = set(session.scalars(select(Deploy.version).where(Deploy.workload_id == self.workload_id)))
        newest_first = sorted(self.model.rows, reverse=True)
        successes = [version for version in newest_first if self.model.rows[version].status == Status.SUCCEEDED]
        must_stay = {row.version for row in self.model.rows.values() if row.live or not row.over}
        newest_of: dict[str | None, int] = {}
        for version in successes:
            newest_of.setdefault(self.model.rows[version].pin, version)
        must_stay |= set([newest_of[image] for image in newest_of if image][:KEEP_IMAGES])
        must_stay |= set(newest_first[:KEEP]) | set(successes[:KEEP_IMAGES]) | ({way_back} - {None})
        assert left == must_stay
        self.model.rows = {version: row for version, row in self.model.rows.items() if version in left}
        assert self.model.way_back() == way_back

    @invariant()
    def the_ledger_is_as_the_model_says(self) -> None:
        if not hasattr(self, "workload_id"):
            return
        with self.database.reading() as session:
            rows = list(reversed(history.page(session, self.workload_id, limit=1000)))
            target = history.default_rollback_target(session, self.workload_id)
        assert [self._seen(row) for row in rows] == sorted(self.model.rows.values(), key=lambda row: row.version)
        assert sum(row.live for row in rows) <= 1
        assert sum(Status(row.status) not in FINAL for row in rows) <= 1
        assert (target.version if target else None) == self.model.way_back()
        for row in rows:
            if Status(row.status) in FINAL:
                assert row.finished_at is not None
                assert row.finished_at >= (row.started_at or row.queued_at)
                seen = (row.status, row.error_code, row.pin, row.finished_at, row.stage, row.replaced)
                assert self.ended.setdefault(row.version, seen) == seen

    def _target(self, back: bool) -> tuple[int | None, str | None]:
        # A success that never recorded a pin cannot be gone back to.
        version = self.model.way_back() if back else None
        chosen = self.model.rows[version].pin if version else None
        return (version, chosen) if chosen else (None, None)

    def _some(self, data: st.DataObject) -> Row:
        # The newest more often than the others: that is where things happen.
        versions = sorted(self.model.rows)
        return self.model.rows[data.draw(st.sampled_from([versions[-1], versions[-1], *versions]))]

    @staticmethod
    def _seen(row: Deploy) -> Row:
        image = row.pin["image_id"].removeprefix("sha256:") if row.pin else None
        status = Status(row.status)
        stage = Stage(row.stage) if row.stage else None
        cancel = bool(row.cancel_requested)
        return Row(row.version, row.id, status, image, row.live, row.replaced, row.rollback_of, cancel, stage)


@pytest.fixture
def machine(migrated_sqlite: Path, tmp_path: Path) -> Iterator[type[LedgerMachine]]:
    """The machine over a ledger of its own; each life is another workload of it."""
    shutil.copy(migrated_sqlite, tmp_path / "model.db")
    database = Database(f"sqlite:///{tmp_path / 'model.db'}")
    # Thousands of commits: a busy disk would make minutes of them.
    event.listen(database.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    yield type("Machine", (LedgerMachine,), {"database": database})
    database.close()


def test_no_sequence_of_steps_takes_the_ledger_away_from_its_model(machine: type[LedgerMachine]) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
