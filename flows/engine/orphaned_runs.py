"""Flow runs that are open in Prefect and that no process executes: closed here, or they would stay open for ever."""

from __future__ import annotations

import contextlib
from collections.abc import Set
from datetime import UTC, datetime, timedelta

from tasks.context import Context
from tasks.prefect_api import PrefectUnreachable


def close_what_died(context: Context) -> None:
    """Close the open runs of this host when its engine starts: they died with the last one. Drop late ticks."""
    host = context.settings.host_name
    with contextlib.suppress(PrefectUnreachable):
        for run in context.prefect.begun_runs(host):
            context.prefect.crash(run, "interrupted")
        a_minute_ago = (datetime.now(UTC) - timedelta(seconds=60)).isoformat()
        while late := context.prefect.late_runs(host, "collect-stats", a_minute_ago):
            for run in late:
                context.prefect.delete(run)


def close_abandoned(context: Context, active: Set[str], suspects: set[str]) -> set[str]:
    """Close runs that ended here, or never began, while Prefect was unreachable. Return the suspects of the next pass.

    Closes only runs that were suspects in the last pass as well: one on its way to a thread is not abandoned.
    """
    with contextlib.suppress(PrefectUnreachable):
        strange = set(context.prefect.begun_runs(context.settings.host_name)) - active
        for run in strange & suspects:
            context.prefect.crash(run, "its engine has not got it")
        return strange
    return suspects
