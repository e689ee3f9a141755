"""The refusal of a compose file by a deploy: every reason is a line of the event log, and so is what can be permitted.

A line has keys of the file, names of variables and paths as the file has them; never a value, and no words of Docker
Compose.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from db import event_log
from db.messages.events import Told, tell
from db.states import ErrorCode
from tasks.compose.reading.examine import Examined
from tasks.context import now
from tasks.failures import Failure
from tasks.job import Job
from tasks.sources.invalid_spec import Reason, sentence_params


def refuse(job: Job, found: Examined) -> None:
    """Raise Failure(invalid_source) if there is any reason against a file, with all of them in the event log."""
    if not found.reasons:
        return
    lines = list(lines_of(found.reasons))
    lines += [tell("compose_allow", allow=found.allow)] if found.allow else []
    with job.context.database.writing() as session:
        moment = now()
        for line in lines:
            event_log.note(session, job.deploy.workload_id, line, moment, level="error")
    raise Failure(ErrorCode.INVALID_SOURCE, "refused")


def lines_of(reasons: Sequence[Reason]) -> Iterator[Told]:
    """Yield one line for each problem, with all of its keys. Pure."""
    for problem in dict.fromkeys(one.problem for one in reasons):
        yield tell(str(problem), **sentence_params([one for one in reasons if one.problem is problem]))
