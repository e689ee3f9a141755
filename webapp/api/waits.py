"""Waiting for the end of a deploy within the request that started it: `?wait=SECONDS`, or `Prefer: wait=SECONDS`.

A wait holds a thread of the web process, so their number is limited; beyond it, and while the process stops, the
answer comes at once.
"""

from __future__ import annotations

import threading
import time

from flask import request
from werkzeug.http import parse_options_header

from db.messages.refusals import RefusalCode
from db.models import Deploy
from db.states import FINAL
from webapp.http import params
from webapp.http.current import context
from webapp.http.problems import Problem

LONGEST_S = 600
MOST_WAITS = 12
LOOK_EACH_S = 0.25
_free = threading.BoundedSemaphore(MOST_WAITS)


def seconds() -> int:
    """Return how long the caller wants to wait, 0 for not at all. Raises Problem(bad_request)."""
    if "wait" in request.args:
        return params.integer("wait", 0, 1, LONGEST_S) or 0
    # RFC 7240: a preference that cannot be understood is ignored.
    for preference in request.headers.get("Prefer", "").split(","):
        name, _, value = parse_options_header(preference.strip())[0].partition("=")
        if name.strip().lower() == "wait" and (text := value.strip().strip('"')).isascii() and text.isdigit():
            return min(int(text[:9]), LONGEST_S)
    return 0


def until_final(deploy: Deploy, wait_s: float) -> Deploy:
    """Return the row once it is final, or as it is when the time is over. Raises Problem(no_such_workload) when it was
    removed meanwhile."""
    here, until = context(), time.monotonic() + wait_s
    if not _free.acquire(blocking=False):
        return deploy
    try:
        while deploy.status not in FINAL and time.monotonic() < until and not here.stopping.wait(LOOK_EACH_S):
            with here.database.reading() as session:
                found = session.get(Deploy, deploy.id)
            if found is None:
                raise Problem(RefusalCode.NO_SUCH_WORKLOAD)
            deploy = found
        return deploy
    finally:
        _free.release()
