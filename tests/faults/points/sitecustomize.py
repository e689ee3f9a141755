"""Imported by Python itself in each program that a house of tests/faults starts: places where a program stands still.

Not in the product: it wraps functions of the engine and of the web process from outside. A program that comes to the
point that the file BACKSTAY_FAULT_POINT names writes `<file>.reached` and stays there until the file is gone.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

ARMED = Path(os.environ.get("BACKSTAY_FAULT_POINT", "/nonexistent"))
REACHED = ARMED.with_suffix(".reached")


def stand_still_at(point: str) -> None:
    """Return at once, unless a test wants the program to be caught here."""
    if _armed() != point:
        return
    REACHED.write_text(str(os.getpid()))
    while _armed() == point:
        time.sleep(0.01)


def _armed() -> str:
    try:
        return ARMED.read_text()
    except FileNotFoundError:
        return ""


def before(point: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, with the point in front of it."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        stand_still_at(point)
        return function(*args, **kwargs)

    return call


def after(point: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, with the point behind it."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        stand_still_at(point)
        return result

    return call


def in_the_engine() -> None:
    """A point at each stage of the choke point, and between the steps of a rollout."""
    from db import migrate
    from db.states import Stage
    from flows import dispatch
    from tasks.docker.containers import Containers
    from tasks.rollout import single

    for stage in (Stage.PIN, Stage.PREPARE, Stage.ROLL_OUT, Stage.HEALTH, Stage.VERIFY):
        dispatch.STEPS[stage] = before(str(stage), dispatch.STEPS[stage])
    Containers.create = after("created", Containers.create)  # type: ignore[method-assign]
    Containers.start = after("started", Containers.start)  # type: ignore[method-assign]
    single._stop_old = after("stopped_old", single._stop_old)
    single.settle = after("settled", single.settle)
    single.clean_up = before("succeeded", single.clean_up)
    single.undo = before("undo", single.undo)
    # The engine's own module imports prefect, which wants its environment first: the engine does that, then migrates.
    migrate.upgrade = after("migrated", _then(migrate.upgrade, _in_the_worker))


def _then(function: Callable[..., Any], action: Callable[[], None]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        result = function(*args)
        action()
        return result

    return call


def _in_the_worker() -> None:
    import refusals  # beside this file, which is where Python finds it
    from prefect.events.clients import PrefectEventSubscriber
    from prefect.workers._worker_channel import WorkerChannelRetryableError
    from prefect.workers._worker_channel._transport import WorkerChannelTransport

    from flows.engine.worker import EngineWorker

    refusals.install(ARMED)
    for owner, method, path, error in (
        (WorkerChannelTransport, "connect_with_timeout", "/workers", WorkerChannelRetryableError("busy", "busy")),
        (PrefectEventSubscriber, "_reconnect", "/events/out", ConnectionRefusedError()),
    ):
        setattr(owner, method, refusals.unless_refused(ARMED, path, error, getattr(owner, method)))

    execute = EngineWorker._execute

    def of_a_deploy(self: EngineWorker, flow_run: Any) -> None:
        if "deploy_id" in flow_run.parameters:
            stand_still_at("taken")
        execute(self, flow_run)

    EngineWorker._execute = of_a_deploy  # type: ignore[method-assign]


def in_the_web() -> None:
    """Points around the moment when Prefect is asked for a run."""
    from tasks.prefect_api import PrefectApi

    PrefectApi.start = after("asked", before("opened", PrefectApi.start))  # type: ignore[method-assign]


if ARMED.parent.is_dir():
    if sys.orig_argv[-2:] == ["flows.cli", "engine"]:
        in_the_engine()
    if "gunicorn" in sys.orig_argv:
        in_the_web()
