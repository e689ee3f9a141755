"""The history panel of an app: the chosen rows and metrics window, and the state of the rows' flow runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask import current_app, request
from sqlalchemy.orm import Session

from db import event_log
from db.models import Deploy, Workload
from db.states import UNFINISHED, Reason, Status
from flows.shapes.base import LARGEST
from tasks.images import build_log
from tasks.metrics.coverage import DEFAULT_WINDOW
from webapp.api import deploys, stats
from webapp.checks.prefect_runs import Runs
from webapp.http import params
from webapp.http.current import context
from webapp.presenters import event_lines
from webapp.presenters.verdicts import verdict

FIRST_ROWS = 12
MORE_ROWS = 50


@dataclass(frozen=True)
class Choice:
    """The chosen rows: at most `limit`, older than `before`, of one status, of one reason. And the metrics window."""

    limit: int = FIRST_ROWS
    before: int | None = None
    status: str | None = None
    reason: str | None = None
    window: str = DEFAULT_WINDOW

    @property
    def is_filtered(self) -> bool:
        """Whether rows are left out."""
        return bool(self.status or self.reason)

    def query(self) -> str:
        """Return the choice as a query, `?status=failed`; empty for the default choice."""
        usual = Choice()
        given = {key: value for key, value in vars(self).items() if value != getattr(usual, key)}
        return f"?{urlencode(given)}" if given else ""

    @property
    def newest(self) -> str:
        """The query of the first page of these rows."""
        return replace(self, limit=FIRST_ROWS, before=None).query()

    @property
    def unfiltered(self) -> str:
        """The query of the first page of all rows."""
        return Choice(window=self.window).query()

    def more(self, oldest: int) -> Choice:
        """Return the choice with more rows, up to the most on one page; beyond that, the next page."""
        if self.limit + MORE_ROWS <= deploys.MOST_ROWS:
            return replace(self, limit=self.limit + MORE_ROWS)
        return replace(self, limit=deploys.MOST_ROWS, before=oldest)


def chosen() -> Choice:
    """Return the choice of this request; a form sends every field, so an empty value means none.

    Raises Problem(bad_request or bad_window).
    """
    return Choice(
        limit=params.integer("limit", FIRST_ROWS, 1, deploys.MOST_ROWS) or FIRST_ROWS,
        before=params.integer("before", None, 1, LARGEST),
        status=params.choice("status", Status) if request.args.get("status") else None,
        reason=params.choice("reason", Reason) if request.args.get("reason") else None,
        window=stats.window_name(),
    )


def panel(session: Session, workload: Workload, choice: Choice) -> dict[str, Any]:
    """Return what the template of the panel shows: the rows, whether there are more, and how to get them."""
    filters = {"before": choice.before, "status": choice.status, "reason": choice.reason}
    found = deploys.page(session, workload, choice.limit + 1, also=partial(_judged, session), **filters)
    rows = found[: choice.limit]
    return {
        "rows": rows,
        "choice": choice,
        "more": choice.more(rows[-1]["version"]).query() if len(found) > len(rows) else None,
    }


def _judged(session: Session, deploy: Deploy) -> dict[str, Any]:
    log = build_log.path_of(context().settings, deploy.workload_id, deploy.version)
    why = event_log.reasons(session, deploy) if deploy.error_code is not None else ()
    reasons = [event_lines.message(line) for line in why]
    return {"verdict": verdict(deploy.impact), "has_build_log": log.exists(), "reasons": reasons}


def mark_gone(rows: list[dict[str, Any]]) -> None:
    """Set "run_gone" on rows whose flow run Prefect no longer has. Runs of unfinished rows are taken to exist."""
    runs: Runs = current_app.extensions["backstay.runs"]
    finished = [row["flow_run_id"] for row in rows if row["flow_run_id"] and row["status"] not in UNFINISHED]
    gone = runs.gone(finished)
    for row in rows:
        row["run_gone"] = row["flow_run_id"] in gone
