"""What a request has at hand: the context of the process and who calls. Needs a request (or an app) to be active."""

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
    """Who made the request: `actor` is what the ledger records, `in_browser` whether a session cookie said so."""

    actor: str
    role: str
    in_browser: bool

    @property
    def is_admin(self) -> bool:
        """Whether the caller may change things."""
        return self.role == "admin"

    @property
    def trigger(self) -> Trigger:
        """The door through which a deploy of this caller comes in."""
        return Trigger.UI if self.in_browser else Trigger.API


def context() -> Context:
    """The context that the app was made with."""
    found: Context = current_app.extensions[EXTENSION]
    return found


def caller() -> Caller:
    """Who calls; only on routes that are not open."""
    found: Caller = g.caller
    return found


def find_workload(session: Session, name: str, *, removing: bool = False) -> Workload:
    """Return the workload of that name; one that is being removed only with `removing`. Raises
    Problem(no_such_workload)."""
    found = workloads.find(session, name, removing=removing) if _NAME.match(name) else None
    if found is None:
        raise Problem(RefusalCode.NO_SUCH_WORKLOAD)
    g.workload = name  # it is one, so that an error page may say it
    return found


def find_workload_id(session: Session, name: str) -> int:
    """The id of the workload of that name. Raises Problem(no_such_workload)."""
    found = workloads.id_of(session, name) if _NAME.match(name) else None
    if found is None:
        raise Problem(RefusalCode.NO_SUCH_WORKLOAD)
    g.workload = name
    return found


def workload_named(name: str) -> Workload:
    """The workload of that name, for what is not in the ledger. Raises Problem(no_such_workload)."""
    with context().database.reading() as session:
        return find_workload(session, name)


@contextmanager
def reading(name: str, *, removing: bool = False) -> Iterator[tuple[Session, Workload]]:
    """A reading session and the workload of that name in it, as of find_workload. Raises Problem(no_such_workload)."""
    with context().database.reading() as session:
        yield session, find_workload(session, name, removing=removing)
