"""The stages of a deploy as Prefect tasks: thin, so that each shows in Prefect's UI with its own time and state.

A failure is returned as a state with the bare code. Nothing is raised through Prefect: it would store the text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed

from db.states import ErrorCode, Stage
from tasks.failures import Failure
from tasks.job import Job

Step = Callable[[Job], None]
Attempt = Callable[[Stage, Step, Job], Failure | None]


def caller(attempt: Attempt) -> Attempt:
    """Wrap `attempt` so that each call is a run of that stage's Prefect task."""

    def call(stage: Stage, step: Step, job: Job) -> Failure | None:
        outcome: list[Failure | None] = []

        def body() -> Failure | None:
            outcome.append(attempt(stage, step, job))
            return outcome[0]

        try:
            _ = _TASKS[stage](body, return_state=True)
        except Exception as error:
            # Losing Prefect must not fail a deploy in progress.
            job.context.log.warning("prefect did not record %s", stage, extra={"cause": type(error).__name__})
        # The state is for people; the value, which never left this process, decides.
        return outcome[0] if outcome else body()

    return call


def _run(body: Callable[[], Failure | None]) -> State[Any]:
    failure = body()
    if failure is None:
        return Completed(message="done")
    if failure.code is ErrorCode.CANCELLED:
        return Cancelled(message=str(failure.code))
    return Failed(message=str(failure.code))


_TASKS: dict[Stage, Task[..., Any]] = {
    stage: Task(
        _run, name=str(stage), task_run_name=str(stage), persist_result=False, cache_policy=NO_CACHE, log_prints=False
    )
    for stage in Stage
}
