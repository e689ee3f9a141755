"""The past of the pictures, written into a fresh HOME by the functions with which Backstay itself writes it.

Rows, events, samples, tiers and reviews are made as the engine makes them, with the moment of then as an argument. No
container ran: they are marked as removed, and the engine makes those of the live versions (for real) when it starts.
"""

from __future__ import annotations

import math
import random
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy.orm import Session

from db import event_log, history, ledger, workloads
from db.access import accounts
from db.messages.events import tell, unsuccessful
from db.metrics import containers, impacts, samples
from db.migrate import upgrade
from db.models import OWNER, Container, Deploy, Workload
from db.releases import ContainerPin
from db.states import Stage
from flows import new_deploy
from flows.new_deploy import Asked
from flows.upkeep import impact_reviews, rollups
from flows.workloads import lifecycle
from tasks.context import Context, now
from tasks.image_reference import image_pin
from tasks.impact.verdict import next_look_s
from tasks.labels import MAIN_SERVICE
from tasks.metrics.collector import align
from tasks.specs import public
from tests.screenshots.apps import APPS, MIB, USER, App, Version

ENGINE = "local:1:story"
INTERVAL_S = 15
BARE_MIB = 0.8  # a shell and an HTTP server that hold nothing
STAGES_MS = {
    Stage.PIN: 41,
    Stage.PREPARE: 1874,
    Stage.ROLL_OUT: 463,
    Stage.HEALTH: 1210,
    Stage.VERIFY: 12,
    Stage.FINISH: 327,
}
FAILED_CHECK_MS = 30_004
Served = list[tuple[int, datetime, App, Version]]  # id of the container, from when it served, what it ran


def write(context: Context, images: Mapping[str, str], port: int, password: str) -> str:
    """Write a past up to now, and answer a token of an admin. `images`: name -> id; `password`: of the user."""
    upgrade(context.database)
    present = now()
    with context.database.writing() as session:
        accounts.add_user(session, USER, "admin", password, present)
        token, _ = accounts.create_token(session, "admin", "ci", present)
    every: dict[int, Served] = {}
    for app in APPS:
        workload_id = _create(context, app, port, present - timedelta(hours=app.versions[0].hours, minutes=4))
        every[workload_id] = _deploy_all(context, workload_id, app, images, present)
    for workload_id, served in every.items():
        _sample(context, workload_id, served, present)
    rollups.sum_up(context, every, int(present.timestamp()), 0)
    for workload_id, served in every.items():
        _review(context, workload_id, present)
        _sample(context, workload_id, served, now(), after=present)  # what came to pass meanwhile
        _leave_to_the_engine(context, workload_id)
    return token


def _create(context: Context, app: App, port: int, at: datetime) -> int:
    spec = lifecycle.checked(context, app.spec(port))
    locked = {name: context.vault.lock(value.get_secret_value()) for name, value in spec.secrets.items()}
    with context.database.writing() as session:
        workload_id = workloads.create(session, public(spec), locked, at).id
        event_log.note(session, workload_id, tell("created"), at, actor=USER)
    return workload_id


def _deploy_all(context: Context, workload_id: int, app: App, images: Mapping[str, str], present: datetime) -> Served:
    served: Served = []
    for version in app.versions:
        at = present - timedelta(hours=version.hours)
        with context.database.writing() as session:
            if version.env:
                _configure(session, workload_id, version, at - timedelta(minutes=2))
            row = _deploy(session, workload_id, app, version, images, at)
            if not row.live or row.finished_at is None:
                continue
            if served:
                (gone,) = containers.present(session, workload_id)
                containers.mark_removed(session, [gone.docker_id], row.finished_at)
            container = _container(row, app)
            containers.add(session, container)
            served.append((container.id, row.finished_at, app, version))
    return served


def _configure(session: Session, workload_id: int, version: Version, at: datetime) -> None:
    workload = workloads.by_id(session, workload_id)
    spec = workload.spec | {"env": workload.spec["env"] | version.env}
    workloads.change(session, workload_id, spec, workload.secrets, at)
    event_log.note(session, workload_id, tell("changed", keys=[f"env.{key}" for key in version.env]), at, actor=USER)


def _deploy(
    session: Session, workload_id: int, app: App, version: Version, images: Mapping[str, str], at: datetime
) -> Deploy:
    """Take a deploy from its request to its end, as flows.dispatch does."""
    workload = workloads.by_id(session, workload_id)
    image = None if app.url else app.image(version)
    wanted = new_deploy.deploy_of(session, workload, at, Asked(version.trigger, version.actor), image=image)
    row = new_deploy.write(session, workload, wanted, at)
    ledger.claim(session, row.id, ENGINE, None, at + timedelta(milliseconds=35))
    ledger.record_pin(session, row.id, _pin(app, version, images[app.image(version)], workload))
    stages, end = _stages(version, at)
    if version.fails:
        live = history.live(session, workload_id)
        told = unsuccessful(row.version, version.fails, Stage.HEALTH, live.version if live else None)
        event_log.note(session, workload_id, told, end, level="error")
        fingerprint = ledger.fingerprint(version.fails, Stage.HEALTH, "health")
        return ledger.fail(session, row.id, version.fails, fingerprint, end, stages)
    if image:
        source = {**workload.spec["source"], "image": image}
        workloads.change(session, workload_id, workload.spec | {"source": source}, workload.secrets, end)
    event_log.note(session, workload_id, tell("live", version=row.version), end)
    return ledger.succeed(session, row.id, stages, end)


def _pin(app: App, version: Version, image_id: str, workload: Workload) -> ContainerPin:
    if not app.url:
        name = app.image(version)
        return image_pin(name, name.partition(":")[0], None, image_id)
    source = workload.spec["source"]
    commit = random.Random(version.tag).randbytes(20).hex()  # the same in every run
    return {"kind": "git", **source, "commit": commit, "image_id": image_id, "image_from": "build"}


def _stages(version: Version, at: datetime) -> tuple[list[dict[str, Any]], datetime]:
    """What each step took, somewhat more or less every time, and the end of it all."""
    chance = random.Random(version.tag)
    took: dict[str, int] = {}
    for stage, usual in STAGES_MS.items():
        took[stage] = round(usual * chance.uniform(0.8, 1.3))
        if version.fails and stage == Stage.HEALTH:
            took[stage] = FAILED_CHECK_MS
            break
    end = at + timedelta(milliseconds=sum(took.values()) + 35)
    return [{"name": str(stage), "ms": ms} for stage, ms in took.items()], end


def _container(row: Deploy, app: App) -> Container:
    return Container(
        docker_id=secrets.token_hex(32),
        owner_type=OWNER,
        owner_id=row.workload_id,
        deploy_version=row.version,
        service=MAIN_SERVICE,
        name=f"{app.name}-v{row.version}",
        image_id=(row.pin or {})["image_id"],
        host=row.host,
        created_at=row.started_at,
    )


def _sample(context: Context, workload_id: int, served: Served, until: datetime, after: datetime | None = None) -> None:
    """Insert the ticks of all containers, an hour of them per transaction."""
    rows = [row for row in _readings(workload_id, served, until) if after is None or row["ts"] > after.timestamp()]
    for start in range(0, len(rows), 3600 // INTERVAL_S):
        with context.database.writing() as session:
            samples.insert_tick(session, rows[start : start + 3600 // INTERVAL_S])


def _readings(workload_id: int, served: Served, until: datetime) -> Iterator[dict[str, Any]]:
    chance = random.Random(workload_id)
    ends = [since for _, since, _, _ in served[1:]] + [until]
    for (container_id, since, app, version), end in zip(served, ends, strict=True):
        wave = 0.0
        for ts in range(align(since.timestamp(), INTERVAL_S) + INTERVAL_S, int(end.timestamp()) + 1, INTERVAL_S):
            age_h, to_now_h = (ts - since.timestamp()) / 3600, (until.timestamp() - ts) / 3600
            # Busy now, half as much in the middle of the night; and a load that comes and goes within minutes.
            wave = 0.93 * wave + chance.gauss(0, 0.035)
            day = 0.75 + 0.25 * math.cos(to_now_h * math.tau / 24)
            memory = BARE_MIB + version.memory + version.leak * age_h + abs(chance.gauss(0, 0.15))
            yield {
                "owner_type": OWNER,
                "owner_id": workload_id,
                "ts": ts,
                "container_id": container_id,
                "cpu_percent": round(version.cpu * max(0.1, day * (1 + wave) + chance.gauss(0, 0.03)), 2),
                "memory_usage": round(memory * MIB),
                "memory_limit": app.limit * MIB,
            }


def _review(context: Context, workload_id: int, present: datetime) -> None:
    """Have every version that went live reviewed at each of the ages at which the engine would have done it."""
    with context.database.reading() as session:
        rows = history.succeeded(session, workload_id)
        ends = {row.id: impacts.replaced_by(session, row) for row in rows}
    for row in rows:
        after = ends[row.id]
        until = present if after is None or after.started_at is None else after.started_at
        assert row.finished_at is not None
        for looks in count():
            at = row.finished_at + timedelta(seconds=next_look_s(looks))
            if at > until:
                break
            impact_reviews.settle(context, row.id, at)


def _leave_to_the_engine(context: Context, workload_id: int) -> None:
    with context.database.writing() as session:
        there = containers.present(session, workload_id)
        containers.mark_removed(session, [one.docker_id for one in there], now())
        workloads.set_needs_reconcile(session, workload_id, True)
