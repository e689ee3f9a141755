"""The context of the process and the caller of the current request. Needs an active request (or app)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import current_app, g
from sqlalchemy.orm import Session

from db import workloads
from db.messages.refusals import RefusalCode
from db.models import Workload
from db.states import Trigger
from tasks.context import Context
from tasks.specs import NAME
from webapp.http.problems import Problem

EXTENSION = "backstay"
_NAME = re.compile(NAME)


@dataclass(frozen=True)
class Caller:
    """The caller of a request: the ledger records `actor`; `in_browser` means authenticated by a session cookie."""

    actor: str
    role: str
    in_browser: bool

    @property
    def is_admin(self) -> bool:
        """Whether the caller may change things."""
        return self.role == "admin"

    @property
    def trigger(self) -> Trigger:
        """The trigger recorded for deploys of this caller."""
        return Trigger.UI if self.in_browser else Trigger.API


def context() -> Context:
    """Return the context that the app was made with."""
    found: Context = current_app.extensions[EXTENSION]
    return found


def caller() -> Caller:
    """Return the caller; only on routes that require one."""
    found: Caller = g.caller
    return found


def find_workload(session: Session, name: str, *, removing: bool = False) -> Workload:
    """Return the workload of that name; one that is being removed only with `removing`. Raises
    Problem(no_such_workload)."""
    found = workloads.find(session, name, removing=removing) if _NAME.match(name) else None
    if found is None:
        raise Problem(RefusalCode.NO_SUCH_WORKLOAD)
    g.workload = name  # it exists, so an error page may name it
    return found


def find_workload_id(session: Session, name: str) -> int:
    """Return the id of the workload of that name. Raises Problem(no_such_workload)."""
    found = workloads.id_of(session, name) if _NAME.match(name) else None
    if found is None:
        raise Problem(RefusalCode.NO_SUCH_WORKLOAD)
    g.workload = name
    return found


def workload_named(name: str) -> Workload:
    """Return the workload of that name, for use outside a session. Raises Problem(no_such_workload)."""
    with context().database.reading() as session:
        return find_workload(session, name)


@contextmanager
def reading(name: str, *, removing: bool = False) -> Iterator[tuple[Session, Workload]]:
    """Open a reading session; yield it and the workload, as of find_workload. Raises Problem(no_such_workload)."""
    with context().database.reading() as session:
        yield session, find_workload(session, name, removing=removing)
