"""The Prefect flows: dispatch, rollback, adopt, remove, collect-stats, housekeeping; each is short, around a function.

They run in threads of the engine, which passes in what they need through `serve_in`. Parameters are ids and names only,
and a result is a state with a code: Prefect stores both.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Crashed, Failed
from pydantic import Field

from db.states import ErrorCode, Trigger
from flows.dispatch import attempt, carry_out
from flows.refusals import Refusal
from flows.requests import Asked, open_deploy, open_rollback
from flows.upkeep import removal
from flows.upkeep.housekeeping import tidy
from flows.upkeep.rollups import sum_up_installation
from tasks.context import Context
from tasks.metrics.collector import Sampler, align, ticks_of
from tasks.prefect_tasks import caller
from tasks.sources.invalid_spec import InvalidSpec
from tasks.specs import NAME

LATE_S = 50
# Prefect stores the parameters of a run before we see them, so Prefect itself must refuse an invalid reference:
# `user:password@host/shop` must not reach its database.
Name = Annotated[str, Field(pattern=NAME)]
Image = Annotated[str, Field(pattern=r"^[^@\s]+(@sha256:[0-9a-f]{64})?$", max_length=500)]
# A branch, a tag or a commit, without the characters of addresses and logins, and not beginning like a token. Only
# in the schema, which Prefect's server checks: pydantic's own patterns have no lookahead.
_REF = r"^(?!gh[a-z]_|github_pat_|gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent)-|bs[th]_)[A-Za-z0-9_][A-Za-z0-9_./+#-]*$"
Ref = Annotated[str, Field(max_length=200, json_schema_extra={"pattern": _REF})]


@dataclass
class Engine:
    """The parts of the engine's process that the flows need."""

    context: Context
    id: str
    sampler: Sampler
    slots: threading.BoundedSemaphore
    at_work: set[int] = field(default_factory=set)  # ids of the deploys that a thread of this engine carries out


_engines: list[Engine] = []


def serve_in(engine: Engine) -> None:
    """Let the flows of this process use `engine` from now on."""
    _engines[:] = [engine]


@flow(name="dispatch", persist_result=False, log_prints=False, validate_parameters=True)
def dispatch(
    deploy_id: int | None = None, workload: Name | None = None, image: Image | None = None, ref: Ref | None = None
) -> State[Any]:
    """Carry out a deploy. Started by hand: give `workload`, and `image` or `ref` to deploy another one."""
    opener = partial(open_deploy, name=workload or "", image=image, ref=ref)
    return _guarded(lambda engine: _carry_out(engine, deploy_id, opener))


@flow(name="rollback", persist_result=False, log_prints=False, validate_parameters=True)
def rollback(deploy_id: int | None = None, workload: Name | None = None, version: int | None = None) -> State[Any]:
    """Carry out a rollback. Started by hand: give `workload`, and `version` to choose another than the default one."""
    opener = partial(open_rollback, name=workload or "", version=version)
    return _guarded(lambda engine: _carry_out(engine, deploy_id, opener))


@flow(name="adopt", persist_result=False, log_prints=False, validate_parameters=True)
def adopt(deploy_id: int) -> State[Any]:
    """Carry out an adoption that `backstay adopt` requested: compare what runs with its pin. Touches no container."""
    return _guarded(lambda engine: _carry_out(engine, deploy_id, open_deploy))


@flow(name="remove", persist_result=False, log_prints=False, validate_parameters=True)
def remove(workload_id: int, workload: Name) -> State[Any]:
    """Remove a workload that its page, the API or the CLI marked for removal: containers first, then the history."""
    return _guarded(lambda engine: _state(removal.carry_out(engine.context, workload_id, workload)))


@flow(name="collect-stats", persist_result=False, log_prints=False)
def collect_stats() -> State[Any]:
    """Sample CPU and memory of all containers of this host for one minute: one aligned tick per interval."""
    return _guarded(_collect)


def _collect(engine: Engine) -> State[Any]:
    interval = engine.context.settings.stats_interval
    scheduled = runtime.flow_run.scheduled_start_time or datetime.now(UTC)
    if interval == 0 or time.time() - scheduled.timestamp() > LATE_S:
        return Completed(message="sampling is off" if interval == 0 else "late, left out")
    done = [collect_tick(engine, ts) for ts in ticks_of(int(scheduled.timestamp()), interval)]
    sum_up_installation(engine.context, int(time.time()))
    return Completed(message=f"{sum(done)} samples")


def collect_tick(engine: Engine, ts: int) -> int:
    """Wait for a moment (epoch seconds), then sample; return the number of rows. Skip a moment that has passed."""
    interval = engine.context.settings.stats_interval
    if engine.context.stopping.wait(max(0.0, ts - time.time())) or align(time.time(), interval) != ts:
        return 0
    return int(engine.sampler.tick(ts).rows)


@flow(name="housekeeping", persist_result=False, log_prints=False)
def housekeeping() -> State[Any]:
    """Sum up samples, and delete what exceeds its retention: deploys, events, samples, configurations, images."""
    return _guarded(lambda engine: Completed(message=tidy(engine.context)))


def _guarded(body: Callable[[Engine], State[Any]]) -> State[Any]:
    """Return the state of `body`. Any exception goes to our log: Prefect would store its text, and with it secrets."""
    if not _engines:
        return Failed(message="this flow runs in Backstay's engine: start `backstay up`")
    try:
        return body(_engines[0])
    except Exception as error:
        _engines[0].context.log.error("a flow broke", exc_info=error)
    return Failed(message=str(ErrorCode.INTERNAL))


def _carry_out(engine: Engine, deploy_id: int | None, open_row: Callable[..., Any]) -> State[Any]:
    run_id = str(runtime.flow_run.id)
    if deploy_id is None:
        # With this key a retry of the same run finds its row again instead of opening another.
        asked = Asked(Trigger.PREFECT, "prefect", idempotency_key=f"prefect-{run_id}")
        refused = ""
        try:
            deploy_id = open_row(engine.context, asked=asked)[0].id
        except Refusal as refusal:
            refused = refusal.code
        except InvalidSpec:
            refused = "invalid_spec"
        if refused:
            return Failed(message=refused)
    while not engine.slots.acquire(timeout=0.2):
        if engine.context.stopping.is_set():
            return Crashed(message=str(ErrorCode.INTERRUPTED))
    number = int(deploy_id or 0)
    engine.at_work.add(number)
    try:
        call = caller(attempt)
        return _state(carry_out(engine.context, number, engine.id, run_id, call))
    finally:
        engine.at_work.discard(number)
        engine.slots.release()


def _state(outcome: str) -> State[Any]:
    match outcome:
        case "succeeded" | removal.REMOVED:
            return Completed(message=outcome)
        case removal.SUPERSEDED | ErrorCode.CANCELLED:
            return Cancelled(message=outcome)
        case ErrorCode.INTERRUPTED:
            return Crashed(message=outcome)
        case _:
            return Failed(message=outcome)


FLOWS = {one.name: one for one in (dispatch, rollback, adopt, remove, collect_stats, housekeeping)}
SCHEDULES = {"collect-stats": "* * * * *", "housekeeping": "7 * * * *"}
