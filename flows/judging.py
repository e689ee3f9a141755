"""The engine's look at what its deploys did to CPU and memory."""

from __future__ import annotations

from db.connection import LedgerUnavailable
from tasks.context import Context, now

JUDGE_S = 60.0


def judge(context: Context) -> None:
    """One look at the live versions that are due for one; next to nothing when none is."""
    from tasks.impacts import judge_due  # brings numpy, which the start does without

    try:
        judge_due(context, now())
    except LedgerUnavailable as unavailable:
        context.log.warning("verdicts have to wait for the ledger", extra={"cause": str(unavailable.cause)})
