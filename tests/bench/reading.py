"""Reading a window: in process, over HTTP, and by Prometheus' query_range from the same series, in turns."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from db.access import accounts
from flows.supervisor.programs import answers, client_env, gunicorn
from tasks.context import Context, now
from tasks.metrics import history
from tasks.metrics.coverage import WINDOWS
from tests.bench import ledger, prometheus
from tests.bench.asker import Asker
from tests.bench.series import DAY, Fleet
from tests.bench.table import Line, medians
from tests.real_parts import free_port, running

DAYS = 30
ROUNDS = 30
AHEAD_S = 900  # samples go on while the benchmark loads, or the youngest window would be half empty
# The step of query_range that gives as many points, and the most that our time may be of its time.
STEPS = {"30m": 15, "2h": 15, "6h": 15, "24h": 60, "7d": 900, "30d": 3600}
MOST = {"30m": 1.0, "2h": 1.0, "6h": 1.0, "7d": 0.2, "30d": 0.2}
MOST_OVER_HTTP = 1.5
MOST_MS_OF_30_DAYS = 20.0
OURS, IDLE = "webapp.app:create_app()", "tests.bench.constant:app"
ROOT = Path(__file__).parents[2]


def main(directory: Path) -> list[Line]:
    """Load both, measure."""
    fleet, started = Fleet(), ledger.epoch()
    since, until = started - DAYS * DAY, started + AHEAD_S
    began = time.monotonic()
    prometheus.load(directory / "prometheus", fleet, since, until)
    loaded = time.monotonic()
    with ledger.opened(directory / "home") as context:
        ledger.fill(context, fleet, since, until, started)
        print(
            f"60 containers, {DAYS} days at 15 s: Prometheus loaded in {loaded - began:.0f} s, "
            f"{prometheus.disk(directory / 'prometheus') / 1e6:.0f} MB; "
            f"Backstay in {time.monotonic() - loaded:.0f} s, {ledger.size(context) / 1e6:.0f} MB"
        )
        with prometheus.serving(directory / "prometheus") as baseline, web(context) as ours, web(context, IDLE) as idle:
            return [line for window in WINDOWS for line in compare(context, (ours, idle, baseline), window)]


def compare(context: Context, askers: tuple[Asker, Asker, Asker], window: str) -> list[Line]:
    """The lines of one window, asking ours, the app that does nothing, and Prometheus, in turns.

    Each round asks for another of the 6 workloads.
    """
    ours, idle, baseline = askers
    path = f"stats/history?window={window}"
    size = len(ours.get(f"/api/workloads/w1/{path}"))

    def in_process(number: int) -> bytes:
        return in_this_process(context, number % 6 + 1, WINDOWS[window])

    def over_http(number: int) -> bytes:
        return ours.get(f"/api/workloads/w{number % 6 + 1}/{path}")

    def query_range(number: int) -> list[bytes]:
        at = int(time.time())
        return prometheus.ask(baseline, number % 6 + 1, at - WINDOWS[window], at, STEPS[window])

    def of_all(_: int) -> bytes:
        return ours.get(f"/api/{path}")

    def nothing(_: int) -> bytes:
        return idle.get(f"/constant/{size}")

    here, http, theirs, together, floor = medians(ROUNDS, in_process, over_http, query_range, of_all, nothing)
    points = f"{len(json.loads(over_http(0)))} points, theirs {prometheus.points(query_range(0)[0])}"
    return [
        Line(f"{window}, {points}: in process / query_range", here, "ms", theirs, MOST.get(window)),
        Line(f"{window}: over HTTP / query_range", http, "ms", theirs, MOST.get(window)),
        Line(f"{window}: over HTTP / in process", http, "ms", here, MOST_OVER_HTTP),
        Line(f"{window}: as many bytes from a view that does nothing / in process", floor, "ms", here),
        Line(f"{window}: all 6 workloads over HTTP / one", together, "ms", http),
        *([Line("30d: in process, p50", here, "ms", None, MOST_MS_OF_30_DAYS)] if window == "30d" else []),
    ]


def in_this_process(context: Context, workload_id: int, window_s: int) -> bytes:
    """Points of a window as JSON, by what the endpoint calls."""
    with context.database.reading() as session:
        return orjson.dumps(history.history(session, context.settings, workload_id, window_s, int(time.time())))


@contextmanager
def web(context: Context, app: str = OURS) -> Iterator[Asker]:
    """The web process as `backstay up` starts it, or the same server with another app, and a viewer's client of it."""
    settings = context.settings.model_copy(update={"web_port": free_port()})
    with context.database.writing() as session:
        token, _ = accounts.create_token(session, "viewer", app, now())
    environment = client_env(settings, os.environ) | {"PYTHONPATH": str(ROOT)}
    command = [app if argument == OURS else argument for argument in gunicorn(settings)]
    log = settings.home / f"{app.partition(':')[0]}.output"

    def ready() -> bool:
        return answers("127.0.0.1", settings.web_port, "/healthz")

    with running(command, log=log, ready=ready, within_s=60, environment=environment, cwd=settings.home):
        asker = Asker(settings.web_port, {"Authorization": f"Bearer {token}"})
        yield asker
        asker.close()
