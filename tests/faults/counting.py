"""What the crashes of a test run came to: where programs were killed, the requests accepted by then, their rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Seen:
    """One case: the program that was killed, the point of the deploy, the requests that it had accepted, their rows."""

    target: str
    point: str
    accepted: int
    rows: int


SEEN: list[Seen] = []


def lines() -> list[str]:
    """The sum, a line a target; empty when nothing was killed."""
    if not SEEN:
        return []
    cases = Counter(one.target for one in SEEN)
    points = {target: len({one.point for one in SEEN if one.target == target}) for target in cases}
    total = f"{len(SEEN)} crashes: {sum(one.accepted for one in SEEN)} requests accepted"
    return [
        f"{total}, {sum(one.rows for one in SEEN)} rows found",
        *(f"  {target}: {count} crashes at {points[target]} points" for target, count in sorted(cases.items())),
    ]
