"""Prefect took a run, but its answer was lost: what the engine does with the row counts, not what the caller heard."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from db import ledger
from db.connection import Database
from db.settings import Settings
from db.states import ErrorCode, Status
from flows.refusals import Refusal
from flows.requests import request_deploy
from flows.workloads.lifecycle import create
from tasks.context import Context, now
from tasks.prefect_api import PrefectApi, PrefectUnreachable
from tests.docker.scenario import ME
from tests.real_parts import free_port

TOO_LONG_S = 0.6


class TakesTheRunAndFallsSilent(PrefectApi):
    """Prefect handed the run to the engine; then the connection broke. `ends` is what became of the row meanwhile."""

    def __init__(self, context: Context, ends: Status) -> None:
        super().__init__(context.settings)
        self.context, self.ends = context, ends

    def start(self, deployment: str, host: str, name: str, parameters: dict[str, int], key: str) -> str:
        """Create the run, and tell nobody."""
        with self.context.database.writing() as session:
            ledger.claim(session, parameters["deploy_id"], "engine", "run", now())
            if self.ends is Status.SUCCEEDED:
                ledger.succeed(session, parameters["deploy_id"], [], now())
            if self.ends is Status.INTERRUPTED:
                ledger.fail(session, parameters["deploy_id"], ErrorCode.INTERRUPTED, "0" * 16, now())
        raise PrefectUnreachable("ReadTimeout")


@pytest.fixture
def context(settings: Settings, database: Database) -> Iterator[Context]:
    """A context with a workload named shop; Prefect is away."""
    nowhere = settings.model_copy(update={"prefect_api_url": f"http://127.0.0.1:{free_port()}/api"})
    opened = Context.open(nowhere, "test", quiet=True)
    create(opened, {"name": "shop", "source": {"kind": "image", "image": "localhost/shop:1"}}, "tester")
    yield opened
    opened.close()


class SlowAtFirst(BaseHTTPRequestHandler):
    """A Prefect that takes too long for its first answer to who wants a run, and is quick then."""

    keys: ClassVar[list[str]]

    def do_GET(self) -> None:
        """Any deployment."""
        self._answer({"id": "deployment"})

    def do_POST(self) -> None:
        """A run."""
        self.keys.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["idempotency_key"])
        if len(self.keys) == 1:
            time.sleep(TOO_LONG_S)
        self._answer({"id": "run"})

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, body: object) -> None:
        with suppress(OSError):  # nobody waits any more
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())


def test_a_prefect_that_is_slow_once_is_asked_once_more_for_the_same_run(context: Context) -> None:
    SlowAtFirst.keys = []
    with ThreadingHTTPServer(("127.0.0.1", 0), SlowAtFirst) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        there = {"prefect_api_url": f"http://127.0.0.1:{server.server_address[1]}"}
        context.prefect.close()
        context.prefect = PrefectApi(context.settings.model_copy(update=there))
        context.prefect._client.timeout = TOO_LONG_S / 2
        row = request_deploy(context, "shop", ME)
        server.shutdown()
    assert (row.status, row.flow_run_id) == (Status.QUEUED, "run")
    assert len(SlowAtFirst.keys) == 2
    assert len(set(SlowAtFirst.keys)) == 1


@pytest.mark.parametrize("ends", [Status.RUNNING, Status.SUCCEEDED, Status.INTERRUPTED])
def test_a_run_whose_answer_was_lost_is_not_called_failed(context: Context, ends: Status) -> None:
    context.prefect = TakesTheRunAndFallsSilent(context, ends)
    row = request_deploy(context, "shop", ME)
    assert (row.status, row.flow_run_id) == (ends, "run")


def test_a_run_that_nobody_took_is_called_failed(context: Context) -> None:
    with pytest.raises(Refusal) as refusal:
        request_deploy(context, "shop", ME)
    assert refusal.value.deploy is not None
    assert refusal.value.deploy.error_code == ErrorCode.ORCHESTRATOR_UNREACHABLE
