"""Refused requests: the exception, and the look-up that raises it for every caller alike."""

from __future__ import annotations

from sqlalchemy.orm import Session

from db import workloads
from db.messages.refusals import RefusalCode
from db.models import Deploy, Workload


class Refusal(Exception):  # noqa: N818 - it names what happened
    """A request that was refused. `deploy` is the row concerned, if there is one."""

    def __init__(self, code: RefusalCode, deploy: Deploy | None = None) -> None:
        super().__init__(code)
        self.code, self.deploy = code, deploy


def workload_named(session: Session, name: str) -> Workload:
    """Return the workload of that name. Raises Refusal(no_such_workload)."""
    workload = workloads.find(session, name)
    if workload is None:
        raise Refusal(RefusalCode.NO_SUCH_WORKLOAD)
    return workload
