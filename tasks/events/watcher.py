"""A watcher of Docker's events of our containers that records them: a row, and a sentence for people.

A thread of its own that sleeps in a read until Docker sends an event. It resumes after the newest row, so events that
happened while the engine was down are caught up as far as Docker remembers them (its last 256 events).
tasks.events.classify interprets the events.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from db import adopted, event_log, history, pins, workloads
from db.metrics import container_events
from db.models import ContainerEvent, Deploy, Workload
from db.states import Status
from tasks.context import Context
from tasks.docker import oom_kills
from tasks.docker.caller import Messages
from tasks.events.classify import (
    ACTIONS,
    Cause,
    ContainerState,
    DeployWindow,
    DockerEvent,
    Finding,
    Kind,
    follow,
    is_ours,
    said,
)
from tasks.events.lines import COUNTED, TOLD_AGAIN_AFTER_S, count, moment, sentence
from tasks.failures import Failure
from tasks.labels import INSTALLATION, container_labels

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
RUNS = (Kind.START, Kind.RESTART, Kind.EXIT)


def _nobody(_workload_id: int | None) -> None:
    """Tell nobody."""


def _never(_docker_id: str) -> bool:
    """Return False: nobody starts anything."""
    return False


class ContainerWatch:
    """One per engine. `start` and `stop` are for the engine; `record` handles one event.

    `told` is called with the id of a workload after something happened to it, and with None when anything may have:
    the stream of events begins or breaks off. `has_started` says whether the engine has just started a container that
    had stayed down.
    """

    def __init__(
        self,
        context: Context,
        told: Callable[[int | None], object] = _nobody,
        has_started: Callable[[str], bool] = _never,
    ) -> None:
        self._context, self._tell, self._has_started = context, told, has_started
        self._memories: dict[str, ContainerState] = {}
        self._told: dict[tuple[str, int, str], float] = {}
        self._newest_ns: int | None = None
        self._stream: Messages | None = None
        self._stopping = False
        self._wake = threading.Event()  # set to stop, or to connect at once
        self._thread = threading.Thread(target=self._run, name="container-events", daemon=True)

    def start(self) -> None:
        """Begin to follow; connects in the thread, retrying while Docker is down."""
        self._thread.start()

    def stop(self) -> None:
        """Stop within a moment, even while no event arrives."""
        self._stopping = True
        self._wake.set()
        stream = self._stream
        if stream is not None:
            with suppress(OSError, AttributeError):  # it has just exited by itself
                stream.close()
        self._thread.join(2)

    def connect(self) -> None:
        """Connect at once, instead of after a pause: Docker answers again."""
        self._wake.set()

    def _run(self) -> None:
        pause = SHORTEST_PAUSE_S
        while not self._stopping:
            before, cause = self._newest_ns, None
            try:
                self._follow()
            except Failure:
                pass  # already logged where it was raised
            except Exception as error:  # a broken stream, a ledger that cannot be written: the next pass retries
                cause = type(error).__name__
            if cause is not None:
                self._context.log.warning("container events: following again", extra={"cause": cause})
            if self._stopping:
                return
            self._tell(None)
            pause = SHORTEST_PAUSE_S if self._newest_ns != before else min(LONGEST_PAUSE_S, pause * 2)
            self._wake.wait(pause)
            if not self._stopping:
                self._wake.clear()

    def _follow(self) -> None:
        since = self._since()
        # Of all containers: those that were adopted have no label to filter by.
        stream = self._context.docker.events.of_containers(since, {}, ACTIONS)
        self._stream = stream
        if self._stopping:  # stop() came before there was a stream to close
            stream.close()
        self._tell(None)
        for raw in stream:
            event = said(self._of_ours(raw))
            if event is not None:
                self.record(event)
                self._newest_ns = event.at_ns

    def _of_ours(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Return an event of a container of this installation, an adopted one with the labels that it would have; an
        empty one for others."""
        actor = raw.get("Actor") or {}
        attributes = actor.get("Attributes") or {}
        if INSTALLATION in attributes:
            return raw if attributes[INSTALLATION] == self._context.installation else {}
        with self._context.database.reading() as session:
            tied = adopted.find(session, str(actor.get("ID", "")))
        if tied is None:
            return {}
        labels = container_labels(self._context.installation, tied.workload, tied.version, tied.service)
        return raw | {"Actor": actor | {"Attributes": attributes | labels}}

    def _since(self) -> str:
        if self._newest_ns is None:
            with self._context.database.reading() as session:
                self._newest_ns = container_events.newest_ns(session, self._context.settings.host_name) or 1
        return f"{self._newest_ns // 10**9}.{self._newest_ns % 10**9:09d}"

    def record(self, event: DockerEvent) -> None:
        """Record the finding of an event. Raises LedgerUnavailable, having kept no state of it."""
        ran_out = event.action == "die" and event.exit_code == 137 and self._ran_out(event)
        with self._context.database.writing() as session:
            workload = workloads.find(session, event.workload)
            if workload is None or workload.created_at.timestamp() * 1e9 > event.at_ns:
                return  # removed, or another one with the same name
            if container_events.is_known(session, event.docker_id, event.at_ns):
                self._memories.pop(event.docker_id, None)  # the ledger knows better
                return
            live = history.live(session, workload.id)
            if live is not None and pins.is_of(live.pin, live.version, event.service, event.version):
                event = replace(event, version=live.version)  # its service is unchanged since an earlier version
            memory = self._memories.get(event.docker_id) or remembered(session, event.docker_id)
            ours = is_ours(event, spans(session, workload.id))
            was_told = memory.oom_at_ns is not None
            again = event.action == "start" and self._has_started(event.docker_id)
            memory, happening = follow(memory, event, ours, ran_out=ran_out, started_again=again)
            if happening is not None and happening.cause is Cause.OOM and event.action == "die" and not was_told:
                untold = replace(event, action="oom", at_ns=event.at_ns - 1, exit_code=None)  # Docker missed it
                self._write(session, workload, Finding(untold, Kind.OOM, Cause.OOM))
            if happening is not None:
                self._write(session, workload, happening)
        if event.docker_id not in self._memories and len(self._memories) > 1000:
            self._memories.clear()  # the ledger has them as well
        self._memories[event.docker_id] = memory
        if happening is not None:
            self._tell(workload.id)

    def _ran_out(self, event: DockerEvent) -> bool:
        try:
            record = self._context.docker.containers.inspect(event.docker_id)
        except Failure:
            return False
        if record is None or record.running:  # Docker may have restarted it
            return oom_kills.ran_out(event.docker_id, event.at_ns / 1e9)
        return record.oom_killed

    def _write(self, session: Session, workload: Workload, happening: Finding) -> None:
        container_events.record(session, _row(workload, happening))
        told = sentence(happening)
        if told is not None and told[1].code in COUNTED:
            count(session, workload.id, *told, moment(happening.said))
            return
        key = (happening.said.workload, happening.said.version, f"{happening.kind}:{happening.cause}")
        at = happening.said.at_ns / 1e9
        if told is not None and at - self._told.get(key, 0) > TOLD_AGAIN_AFTER_S:
            level, line = told
            event_log.note(session, workload.id, line, moment(happening.said), level=level)
            self._told[key] = at


def remembered(session: Session, docker_id: str) -> ContainerState:
    """Return the ledger's state of a container that is new to this process."""
    last = container_events.last_of(session, docker_id, RUNS)
    if last is None:
        return ContainerState()
    if last.kind != Kind.EXIT:
        health = container_events.last_of(session, docker_id, (Kind.UNHEALTHY, Kind.HEALTHY))
        return ContainerState(has_run=True, unhealthy=health is not None and health.kind == Kind.UNHEALTHY)
    return ContainerState(has_run=True, ended=Cause(last.cause), ended_at_ns=last.at_ns)


def spans(session: Session, workload_id: int) -> list[DeployWindow]:
    """Return the time spans of a workload's deploys."""
    return [
        _span(row, row.started_at)
        for row in history.page(session, workload_id, limit=200)
        if row.started_at is not None
    ]


def _span(row: Deploy, began: datetime) -> DeployWindow:
    ended = container_events.ns(row.finished_at) if row.finished_at else None
    return DeployWindow(row.version, container_events.ns(began), ended, row.status == Status.SUCCEEDED)


def _row(workload: Workload, happening: Finding) -> ContainerEvent:
    event = happening.said
    return ContainerEvent(
        workload_id=workload.id,
        host=workload.host,
        docker_id=event.docker_id,
        container=event.container[:200],
        deploy_version=event.version,
        at_ns=event.at_ns,
        ts=moment(event),
        kind=happening.kind,
        cause=happening.cause,
        exit_code=event.exit_code,
    )
