"""What happens again and again is one line of the event log, with a count, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

from db import event_log
from db.connection import Database
from db.messages.events import Told, tell
from tasks.events.lines import COUNTED, count


def happens(database: Database, workload_id: int, told: Told, *minutes: float, now: datetime) -> None:
    """The same thing at several times."""
    for minute in minutes:
        with database.writing() as session:
            count(session, workload_id, "error", told, now + timedelta(minutes=minute))


def shown(database: Database, workload_id: int) -> list[str]:
    """The event log, newest first."""
    with database.reading() as session:
        return [line.message for line in event_log.page(session, workload_id)]


def crashed(version: int, exit_code: int = 1) -> Told:
    """A crash."""
    return tell("crashed", version=version, exit_code=exit_code)


def test_crashes_that_follow_each_other_are_one_line(database: Database, shop: int, now: datetime) -> None:
    happens(database, shop, crashed(2), 0, now=now)
    assert shown(database, shop) == ["Version 2 crashed with exit code 1."]
    happens(database, shop, crashed(2, 3), 0.5, 9, 18, now=now)
    assert shown(database, shop) == ["Version 2 crashed 4 times within 18 min, last with exit code 3."]
    with database.reading() as session:
        (line,) = event_log.page(session, shop)
    assert (line.level, line.ts, line.code) == ("error", now + timedelta(minutes=18), "crashed_often")


def test_a_crash_after_a_long_time_of_another_version_or_of_another_kind_has_a_line_of_its_own(
    database: Database, shop: int, now: datetime
) -> None:
    happens(database, shop, crashed(2), 0, 11, now=now)
    happens(database, shop, crashed(3), 12, now=now)
    happens(database, shop, tell("ran_out_of_memory", version=3), 13, now=now)
    assert shown(database, shop) == [
        "Version 3 ran out of memory and was killed.",
        "Version 3 crashed with exit code 1.",
        "Version 2 crashed with exit code 1.",
        "Version 2 crashed with exit code 1.",
    ]


def test_each_of_them_can_be_counted(database: Database, shop: int, now: datetime) -> None:
    for code in COUNTED:
        happens(database, shop, Told(code, {"version": 2, "exit_code": 1}), 0, 1, now=now)
    assert [" 2 times within 1 min" in line for line in shown(database, shop)] == [True] * len(COUNTED)
