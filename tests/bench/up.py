"""A real `backstay up` on free ports, measured from outside, beside the Docker SDK alone.

How long a request takes to reach the flow's body, a whole rollback beside a bare create and start of
the same image, and what the three processes cost while nothing happens.
"""

from __future__ import annotations

import os
import secrets
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import docker
import httpx
import psutil

from db.access import accounts
from db.connection import Database
from db.settings import Settings
from tasks.context import now
from tasks.rollout.health import http_answers
from tests.bench.table import Line
from tests.docker.images import Images
from tests.real_parts import docker_address, free_port, running, wait_until

BARE = "bare SDK: create, start, first 200"
ROUNDS = 15
IDLE_S = 30


def main(directory: Path) -> list[Line]:
    """Measure."""
    client = docker.DockerClient(base_url=docker_address(), timeout=60)
    images = Images(client, secrets.token_hex(4))
    name = f"bench-{secrets.token_hex(3)}"
    tags = [images.build(f"localhost/{name}:{n}", f"version {n}") and f"localhost/{name}:{n}" for n in (1, 2)]
    with backstay(directory) as (api, process):
        try:
            began = time.monotonic()
            rows, rollbacks = measure_deploys(api, name, tags)
            print(f"\n{ROUNDS} deploys and {ROUNDS} rollbacks in {time.monotonic() - began:.0f} s")
            bare = [bare_create_and_start(client, tags[0], name) for _ in range(ROUNDS)]
            idle = measure_idle(process)
        finally:
            api.delete(f"/api/workloads/{name}")
            images.remove_all()
            client.close()
    return lines(rows, rollbacks, bare, idle)


@contextmanager
def backstay(home: Path) -> Iterator[tuple[httpx.Client, psutil.Process]]:
    """A running Backstay with an admin's client."""
    settings = Settings(home=home, web_port=free_port(), prefect_port=free_port(), docker_host=docker_address())
    environment = os.environ | {
        "BACKSTAY_HOME": str(home),
        "BACKSTAY_WEB_PORT": str(settings.web_port),
        "BACKSTAY_PREFECT_PORT": str(settings.prefect_port),
    }
    url = f"http://127.0.0.1:{settings.web_port}"

    def ready() -> bool:
        try:
            return httpx.get(f"{url}/readyz", timeout=5).is_success and (home / "engine.ready").exists()
        except httpx.HTTPError:
            return False

    command = [sys.executable, "-P", "-m", "flows.cli", "up"]
    began = time.monotonic()
    with running(command, log=home / "up.output", ready=ready, within_s=180, environment=environment) as process:
        print(f"up was ready after {time.monotonic() - began:.1f} s (first start)")
        database = Database(settings.ledger_url)
        with database.writing() as session:
            token, _ = accounts.create_token(session, "admin", "bench", now())
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as api:
            yield api, psutil.Process(process.pid)
        database.close()


def measure_deploys(api: httpx.Client, name: str, tags: list[str]) -> tuple[list[float], list[float]]:
    """Seconds from POST to the body of the flow, of all; from POST to healthy and recorded, of the rollbacks."""
    api.post(
        "/api/workloads",
        json={
            "name": name,
            "source": {"kind": "image", "image": tags[0]},
            "ports": [{"container": 8080, "host": free_port()}],
            "health": {"http": "/healthz"},
        },
    ).raise_for_status()
    follow(api, name, "deploys", {})
    to_body, rollbacks = [], []
    for _ in range(ROUNDS):
        to_body.append(follow(api, name, "deploys", {"image": tags[1]})[0])
        began, ended = follow(api, name, "rollback", {})
        to_body.append(began)
        rollbacks.append(ended)
    return to_body, rollbacks


def follow(api: httpx.Client, name: str, what: str, body: dict[str, str]) -> tuple[float, float]:
    """One request to its end: seconds from the POST until the flow's body ran, and until the row said succeeded."""
    asked = time.time()
    answer = api.post(f"/api/workloads/{name}/{what}", json=body)
    answer.raise_for_status()
    rows: list[dict[str, Any]] = []

    def ended() -> bool:
        rows[:] = [api.get(f"/api/workloads/{name}/deploys/{answer.json()['version']}").json()]
        return rows[0]["status"] not in {"queued", "running"}

    wait_until(ended, 60, f"a {what} does not end")
    if rows[0]["status"] != "succeeded":
        raise SystemExit(f"a {what} ended as {rows[0]['status']} ({rows[0]['error_code']})")
    time.sleep(0.5)  # an idle machine is what is asked about, not a queue
    return _epoch(rows[0]["started_at"]) - asked, _epoch(rows[0]["finished_at"]) - asked


def bare_create_and_start(client: docker.DockerClient, image: str, name: str) -> float:
    """Seconds for what the SDK alone needs: create, start, first 200."""
    began = time.monotonic()
    port = free_port()
    container = client.containers.create(
        image, name=f"{name}-bare", ports={"8080/tcp": ("127.0.0.1", port)}, init=True, labels={"backstay.test": name}
    )
    try:
        container.start()
        container.reload()
        address = container.attrs["NetworkSettings"]["IPAddress"]
        wait_until(lambda: http_answers(address, 8080, "/healthz"), 30, "the bare container does not answer")
        return time.monotonic() - began
    finally:
        container.remove(force=True)


def measure_idle(up: psutil.Process) -> dict[str, tuple[float, float]]:
    """Percent of a core and MiB (USS), of each process that `up` supervises, over a while of doing nothing."""
    time.sleep(10)
    trees = {_kind(child): [child, *child.children(recursive=True)] for child in up.children()}
    trees["up"] = [up]
    before = {kind: _cpu(tree) for kind, tree in trees.items()}
    time.sleep(IDLE_S)
    return {
        kind: (
            (_cpu(tree) - before[kind]) / IDLE_S * 100,
            sum(one.memory_full_info().uss for one in tree if one.is_running()) / 1048576,
        )
        for kind, tree in trees.items()
    }


def lines(
    to_body: list[float], rollbacks: list[float], bare: list[float], idle: dict[str, tuple[float, float]]
) -> list[Line]:
    """What was measured; seconds come in, milliseconds go out."""
    base = statistics.median(bare) * 1000
    found = [
        Line(f"{what} / {BARE}", statistics.median(values) * 1000, "ms", base)
        for what, values in (("POST to the flow's body", to_body), ("rollback: POST to healthy, recorded", rollbacks))
    ]
    for kind, (cpu, memory) in sorted(idle.items()):
        found += [
            Line(f"{kind}, idle for {IDLE_S} s: CPU", cpu, "%"),
            Line(f"{kind}, idle for {IDLE_S} s: memory", memory, "MiB"),
        ]
    return found


def _kind(process: psutil.Process) -> str:
    words = " ".join(process.cmdline())
    return next((kind for kind in ("prefect", "engine", "gunicorn") if kind in words), "other")


def _cpu(tree: list[psutil.Process]) -> float:
    total = 0.0
    for one in tree:
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def _epoch(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()
