"""Change notifications for a workload, as server-sent events; clients fetch the new state elsewhere.

A stream holds a thread of the web process while a client is connected, so their number is limited, and each ends after
a while; the browser then reconnects, and without a stream the page polls.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import orjson
from flask import Blueprint, Response, current_app

from db import event_log, history
from db.connection import LedgerUnavailable
from db.health import status
from db.health.status import standing
from db.messages.refusals import RefusalCode
from db.models import Workload
from flows.home_locks import is_engine_running
from flows.shapes.status import status_keys
from tasks.context import Context
from webapp.http.current import context, workload_named
from webapp.http.problems import Problem

blueprint = Blueprint("streams", __name__, url_prefix="/api/workloads/<name>")
MOST_STREAMS = 12
LOOK_EACH_S = 0.4
# Only a write reveals that the client has disconnected.
SAY_SOMETHING_EACH_S = 10.0
LIFE_S = 120.0
RETRY_MS = 3000


class StreamLimit:
    """The limit on open streams; one per app."""

    def __init__(self, many: int = MOST_STREAMS) -> None:
        self._free = threading.BoundedSemaphore(many)

    def take(self) -> None:
        """Reserve a stream. Raises Problem(too_many_streams) when all are taken."""
        if not self._free.acquire(blocking=False):
            raise Problem(RefusalCode.TOO_MANY_STREAMS, headers={"Retry-After": str(int(LIFE_S))})

    def give_back(self) -> None:
        """Release a stream."""
        self._free.release()


@blueprint.get("/stream")
def follow(name: str) -> Response:
    """Send `event: change` with {"version", "status", "stage", "live"} at the start and at each change of the page."""
    workload, seats = workload_named(name), current_app.extensions["backstay.seats"]
    seats.take()
    response = Response(_lines(context(), workload.id), mimetype="text/event-stream")
    response.call_on_close(seats.give_back)
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _lines(here: Context, workload_id: int) -> Iterator[bytes]:
    yield b"retry: %d\n\n" % RETRY_MS
    before, spoke, ends = None, time.monotonic(), time.monotonic() + LIFE_S
    while time.monotonic() < ends and not here.stopping.is_set():
        try:
            seen = _seen(here, workload_id)
        except LedgerUnavailable:
            return
        if seen is None:
            return
        if seen != before:
            yield b"event: change\ndata: %s\n\n" % orjson.dumps(seen[0])
            before, spoke = seen, time.monotonic()
        elif time.monotonic() - spoke > SAY_SOMETHING_EACH_S:
            yield b": still here\n\n"
            spoke = time.monotonic()
        here.stopping.wait(LOOK_EACH_S)


def _seen(here: Context, workload_id: int) -> tuple[dict[str, Any], Any] | None:
    """Return what to send, and what else counts as a change; None when the workload is gone."""
    with here.database.reading() as session:
        workload = session.get(Workload, workload_id)
        if workload is None or workload.removing_at is not None:
            return None
        last, live = history.latest(session, workload_id), history.live(session, workload_id)
        stored = status.find(session, workload_id)
        newest = event_log.page(session, workload_id, 1)
    watched = is_engine_running(here.settings)
    now = status_keys(standing(workload, live, last, stored, watched=watched))
    told = {
        "version": last.version if last else None,
        "status": last.status if last else None,
        "stage": last.stage if last else None,
        "live": live.version if live else None,
    }
    return told, (now, live.verified if live else None, workload.updated_at, newest[0].id if newest else None)
