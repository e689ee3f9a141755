"""Steps of a ledger's life as verbs, for the scenarios of every layer. Each works in the session that it is given."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from db import ledger, workloads
from db.connection import Database
from db.ledger import NewDeploy
from db.models import Deploy
from db.states import ErrorCode, Reason, Trigger
from tests.real_parts import wait_until

RELEASE = {"source": {"kind": "image", "image": "shop:1"}}


def add_workload(session: Session, now: datetime, name: str = "shop", secrets: dict[str, str] | None = None) -> int:
    """Create a workload; answers its id."""
    spec = {"name": name, "host": "local", **RELEASE}
    return workloads.create(session, spec, secrets or {}, now).id


def pin(of: str) -> dict[str, Any]:
    """The pin of an image that is known by one letter."""
    return {"kind": "image", "image": f"shop:{of}", "repository": "shop", "digest": None, "image_id": f"sha256:{of}"}


def new_deploy(session: Session, now: datetime, **changes: Any) -> NewDeploy:
    """What a person asks for, its configuration stored."""
    asked = NewDeploy(
        reason=Reason.DEPLOY,
        trigger=Trigger.API,
        actor="alice",
        source_kind="image",
        requested="shop:1",
        release_sha=workloads.keep_document(session, RELEASE, now),
        host="local",
    )
    return replace(asked, **changes)


def ask(session: Session, workload_id: int, now: datetime, **changes: Any) -> Deploy:
    """Open a deploy; it is queued."""
    return ledger.open_deploy(session, workload_id, new_deploy(session, now, **changes), now)


def begin(session: Session, workload_id: int, now: datetime, **changes: Any) -> Deploy:
    """Open a deploy and claim it; it is running."""
    deploy = ledger.claim(session, ask(session, workload_id, now, **changes).id, "engine-1", None, now)
    assert deploy is not None
    return deploy


def deploy_well(session: Session, workload_id: int, now: datetime, image: str, **changes: Any) -> Deploy:
    """A deploy of that image from the request to its good end."""
    deploy = begin(session, workload_id, now, **changes)
    ledger.record_pin(session, deploy.id, pin(image))
    return ledger.succeed(session, deploy.id, [], now)


def deploy_badly(
    session: Session, workload_id: int, now: datetime, code: ErrorCode = ErrorCode.HEALTH_TIMEOUT, **changes: Any
) -> Deploy:
    """A deploy from the request to its bad end."""
    return ledger.fail(session, begin(session, workload_id, now, **changes).id, code, "f" * 16, now)


def roll_back(session: Session, workload_id: int, now: datetime, to: Deploy) -> Deploy:
    """A rollback to a row, from the request to its good end."""
    deploy = begin(session, workload_id, now, reason=Reason.ROLLBACK, rollback_of=to.version, pin=to.pin)
    return ledger.succeed(session, deploy.id, [], now)


def all_at_once(*actions: Callable[[], Any]) -> list[Any]:
    """Run the actions in a thread each, started together; answers what each returned or raised, in their order."""
    outcomes: list[Any] = [None] * len(actions)
    start = threading.Barrier(len(actions))

    def act(index: int, action: Callable[[], Any]) -> None:
        start.wait()
        try:
            outcomes[index] = action()
        except Exception as problem:
            outcomes[index] = problem

    threads = [threading.Thread(target=act, args=(index, action)) for index, action in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


class Meanwhile:
    """An action in a thread of its own, while the test holds a transaction open."""

    def __init__(self, action: Callable[[], Any]) -> None:
        self._outcome: list[Any] = []
        self._thread = threading.Thread(target=self._act, args=(action,))
        self._thread.start()

    def _act(self, action: Callable[[], Any]) -> None:
        try:
            self._outcome.append(action())
        except Exception as problem:
            self._outcome.append(problem)

    def waits_or_ends(self, database: Database) -> None:
        """Return when the action is over, or waits for a lock of the database. On SQLite it waits from the start."""
        if database.engine.dialect.name == "postgresql":
            wait_until(
                lambda: not self._thread.is_alive() or _somebody_waits(database), 30, "it neither ends nor waits"
            )

    def outcome(self) -> Any:
        """What the action returned or raised."""
        self._thread.join()
        return self._outcome[0]


def _somebody_waits(database: Database) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with database.reading() as session:
        return bool(session.scalar(text(waiting)))
