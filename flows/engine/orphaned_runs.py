"""Flow runs that Prefect believes to be under way and that nobody has in hand: closed, or they stay open for ever."""

from __future__ import annotations

import contextlib
from collections.abc import Set
from datetime import UTC, datetime, timedelta

from tasks.context import Context
from tasks.prefect_api import PrefectUnreachable


def close_what_died(context: Context) -> None:
    """At start nothing of this host runs: what Prefect believes to run died with its engine. Late ticks are dropped."""
    host = context.settings.host_name
    with contextlib.suppress(PrefectUnreachable):
        for run in context.prefect.begun_runs(host):
            context.prefect.crash(run, "interrupted")
        a_minute_ago = (datetime.now(UTC) - timedelta(seconds=60)).isoformat()
        while late := context.prefect.late_runs(host, "collect-stats", a_minute_ago):
            for run in late:
                context.prefect.delete(run)


def close_abandoned(context: Context, active: Set[str], suspects: set[str]) -> set[str]:
    """Close runs that ended here, or never began, because Prefect was away. Answers the suspects of the next look.

    Only what was a suspect at the last look as well: one that is just on its way to a thread is not abandoned.
    """
    with contextlib.suppress(PrefectUnreachable):
        strange = set(context.prefect.begun_runs(context.settings.host_name)) - active
        for run in strange & suspects:
            context.prefect.crash(run, "its engine has not got it")
        return strange
    return suspects
