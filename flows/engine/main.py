"""The engine: one warm process that executes the flow runs of one Docker host in its own threads.

A Prefect worker of our own type on the work pool `backstay`, queue = host name. The server's own events announce a run
and trigger a poll at once; a poll at each full minute and every few seconds covers missed events.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventFilter, EventNameFilter

from flows.engine.orphaned_runs import close_abandoned, close_what_died
from flows.engine.prefect_flows import Engine, serve_in
from flows.engine.registration import register
from flows.engine.worker import EngineWorker
from flows.requests import cancel_by_run
from flows.supervisor.programs import announce
from flows.upkeep.auto_rollback import WATCH_EVERY_S, Watch
from flows.upkeep.impact_reviews import look
from flows.upkeep.reconcile import compare, reconcile
from flows.upkeep.status_keeper import StatusKeeper
from tasks.context import Context
from tasks.events.watcher import ContainerWatch
from tasks.failures import Failure
from tasks.images import availability
from tasks.metrics.collector import Sampler
from tasks.prefect_api import POOL

T = TypeVar("T")
POLL_S = 10.0
RECONCILE_S = 10.0
COMPARE_S = 60.0
IMPACT_S = 60.0
AVAILABILITY_S = 60.0
STOP_WITHIN_S = 15.0
RECONNECT_S = 2.0
REGISTER_WITHIN_S = 30.0


def run_engine(context: Context) -> None:
    """Serve until SIGTERM or SIGINT. Unfinished deploys then stop at their next step and restore."""
    engine = Engine(
        context=context,
        id=f"{context.settings.host_name}:{os.getpid()}:{secrets.token_hex(4)}",
        sampler=Sampler(context),
        slots=threading.BoundedSemaphore(context.settings.parallel_deploys),
    )
    serve_in(engine)
    asyncio.run(_serve(engine))


async def _serve(engine: Engine) -> None:
    context = engine.context
    poke, stopped = asyncio.Event(), asyncio.Event()

    def stop() -> None:
        context.stopping.set()
        poke.set()
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    await _in_thread(lambda: reconcile(context, engine.id))
    await _in_thread(lambda: compare(context))
    if not await _wait_for_prefect(engine, stopped):
        return
    await _in_thread(lambda: close_what_died(context))
    await _in_thread(lambda: reconcile(context, engine.id))  # again, for rows whose runs have just been closed
    worker = EngineWorker(
        work_pool_name=POOL,
        work_queues=[context.settings.host_name],
        name=engine.id.replace(":", "-"),
        prefetch_seconds=0,
    )
    deployments = await _until_done(context, stopped, _registered)
    if deployments is None:
        return
    worker.prepare(context, deployments, poke)
    watch = Watch(context)
    keeper = StatusKeeper(context)
    container_watch = ContainerWatch(context, keeper.wake, keeper.has_started)
    keeper.docker_is_back = container_watch.connect
    async with worker:
        loops = [
            asyncio.create_task(_again(context, one))
            for one in (
                lambda: _poll(worker, poke),
                lambda: _listen(context, poke),
                lambda: _each(RECONCILE_S, lambda: _look_after(engine, worker)),
                lambda: _each(WATCH_EVERY_S, lambda: _in_thread(watch.look)),
                lambda: _each(AVAILABILITY_S, lambda: _in_thread(partial(_look_for_images, context)), at_once=True),
                lambda: _each(COMPARE_S, lambda: _compare(context, worker, keeper)),
                lambda: _each(IMPACT_S, lambda: _in_thread(partial(look, context))),
                lambda: _each(worker.heartbeat_interval_seconds, worker.sync_with_backend, at_once=True),
            )
        ]
        container_watch.start()
        keeper.start()
        announce(context.settings)
        context.log.info("engine %s is ready", engine.id)
        await stopped.wait()
        context.log.info("engine is stopping", extra={"unfinished": len(worker.active)})
        for loop in loops:
            loop.cancel()
        await _let_finish(worker)
        keeper.stop()
        container_watch.stop()  # last, so that events of the deploys under way are recorded as theirs
        # A run still active hangs in a call: the next engine's reconcile ends its row.
        if worker.active:
            os._exit(0)


async def _poll(worker: EngineWorker, poke: asyncio.Event) -> None:
    while True:
        poke.clear()
        await worker.ask_for_work()
        # Schedules are due at full minutes: poll then.
        until_minute = 60 - time.time() % 60 + 0.02
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(poke.wait(), min(POLL_S, until_minute))


async def _listen(context: Context, poke: asyncio.Event) -> None:
    names = [f"prefect.flow-run.{state}" for state in ("Scheduled", "Cancelling", "Cancelled")]
    async with get_events_subscriber(filter=EventFilter(event=EventNameFilter(name=names))) as events:
        async for event in events:
            if event.event.endswith("Scheduled"):
                poke.set()
            else:
                run_id = event.resource.id.removeprefix("prefect.flow-run.")
                await _in_thread(partial(cancel_by_run, context, run_id))


async def _each(seconds: float, action: Callable[[], Awaitable[object]], *, at_once: bool = False) -> None:
    while True:
        await asyncio.sleep(0 if at_once else seconds)
        await action()
        at_once = False


async def _look_after(engine: Engine, worker: EngineWorker) -> None:
    worker.suspects = await _in_thread(lambda: close_abandoned(worker.context, set(worker.active), worker.suspects))
    await _in_thread(lambda: reconcile(engine.context, engine.id, engine.at_work))


async def _compare(context: Context, worker: EngineWorker, keeper: StatusKeeper) -> None:
    keeper.wake()
    if not await _in_thread(context.prefect.knows_us):
        worker.deployments = await _registered(context)


async def _registered(context: Context) -> dict[UUID, str]:
    async with asyncio.timeout(REGISTER_WITHIN_S), get_client() as client:
        return await register(client, context.settings)


async def _again(context: Context, action: Callable[[], Awaitable[None]]) -> None:
    """Repeat an action for ever, through any failure of Prefect's server or of the network."""
    while True:
        try:
            await action()
        except Exception as error:
            context.log.warning("engine: a loop starts again", extra={"cause": type(error).__name__})
        await asyncio.sleep(RECONNECT_S)


async def _until_done(context: Context, stopped: asyncio.Event, action: Callable[[Context], Awaitable[T]]) -> T | None:
    """Retry `action` until it succeeds and return its result; None when the engine shall stop."""
    while not stopped.is_set():
        try:
            return await action(context)
        except Exception as error:
            context.log.warning("engine: Prefect is busy, once more", extra={"cause": type(error).__name__})
        await asyncio.sleep(RECONNECT_S)
    return None


async def _wait_for_prefect(engine: Engine, stopped: asyncio.Event) -> bool:
    """Wait until Prefect answers, and reconcile meanwhile; return False when the engine shall stop."""
    context, reconciled_at = engine.context, time.monotonic()
    while not await _in_thread(context.prefect.answers):
        if time.monotonic() - reconciled_at > RECONCILE_S:
            await _in_thread(lambda: reconcile(context, engine.id))
            reconciled_at = time.monotonic()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), 0.2)
            return False
    return True


async def _let_finish(worker: EngineWorker) -> None:
    deadline = time.monotonic() + STOP_WITHIN_S
    while worker.active and time.monotonic() < deadline:
        await asyncio.sleep(0.05)


def _look_for_images(context: Context) -> None:
    with contextlib.suppress(Failure):  # Docker is unreachable: the rows keep their last known state
        availability.check(context)


async def _in_thread(action: Callable[[], T]) -> T:
    return await asyncio.to_thread(action)
