"""The web app over a real ledger in a temporary home. Docker is out of reach; Prefect is, unless a test asks for it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache

from db.access import accounts
from db.connection import Database
from db.settings import Settings
from flows.home_locks import hold_engine_lock
from tasks.context import Context
from tests import ledger_steps as steps
from tests.real_parts import free_port
from webapp.app import create_app

PASSWORD = "a long enough password"


class PrefectStandIn(BaseHTTPRequestHandler):
    """As much of Prefect's API as a request for a run needs, spoken for real: every run is taken."""

    def do_GET(self) -> None:
        """A deployment has an id, and the server a version."""
        self._answer({"id": "00000000-0000-4000-8000-000000000001"})

    def do_POST(self) -> None:
        """A run is made."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer({"id": "00000000-0000-4000-8000-0000000000ff"})

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self, data: dict[str, str]) -> None:
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(autouse=True, scope="session")
def _quick_hashes() -> Iterator[None]:
    # The real thing is slow on purpose; how slow is no matter of these tests.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        yield


@pytest.fixture
def prefect_port() -> int:
    """A port where no Prefect answers."""
    return free_port()


@pytest.fixture
def prefect_answers(prefect_port: int) -> Iterator[None]:
    """From now on, one does."""
    server = ThreadingHTTPServer(("127.0.0.1", prefect_port), PrefectStandIn)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield
    server.shutdown()
    server.server_close()


@pytest.fixture
def context(settings: Settings, database: Database, prefect_port: int) -> Iterator[Context]:
    """A context over the migrated ledger, with Docker out of reach."""
    nowhere = {"docker_host": f"unix://{settings.home}/no-docker.sock", "prefect_port": prefect_port}
    opened = Context.open(settings.model_copy(update=nowhere), "web", quiet=True)
    yield opened
    opened.close()


class CompiledTemplates(BytecodeCache):
    """The compiled templates of an app, for the next test's app: a process of the product compiles them once."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give what an earlier app compiled of the same text."""
        if compiled := self._compiled.get(bucket.key + bucket.checksum):
            bucket.bytecode_from_string(compiled)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what an app compiled."""
        self._compiled[bucket.key + bucket.checksum] = bucket.bytecode_to_string()


@pytest.fixture(scope="session")
def compiled_templates() -> CompiledTemplates:
    """What all apps of this process share."""
    return CompiledTemplates()


@pytest.fixture
def app(context: Context, compiled_templates: CompiledTemplates) -> Flask:
    """The app as gunicorn has it."""
    app = create_app(context)
    app.jinja_env.bytecode_cache = compiled_templates
    return app


@pytest.fixture
def anonymous(app: Flask) -> FlaskClient:
    """Somebody without a name."""
    return app.test_client()


@pytest.fixture
def with_token(app: Flask, context: Context, now: datetime) -> Callable[[str], FlaskClient]:
    """A program with a token of a role."""

    def made(role: str) -> FlaskClient:
        with context.database.writing() as session:
            value, _ = accounts.create_token(session, role, "ci", now)
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {value}"
        return client

    return made


@pytest.fixture
def admin(with_token: Callable[[str], FlaskClient]) -> FlaskClient:
    """A program that may do all."""
    return with_token("admin")


@pytest.fixture
def viewer(with_token: Callable[[str], FlaskClient]) -> FlaskClient:
    """A program that may read."""
    return with_token("viewer")


@pytest.fixture
def people(context: Context, now: datetime) -> None:
    """Two people: admin and vera, who may only read."""
    with context.database.writing() as session:
        accounts.add_user(session, "admin", "admin", PASSWORD, now)
        accounts.add_user(session, "vera", "viewer", PASSWORD, now)


@pytest.fixture
def logged_in(app: Flask, people: None) -> Callable[[str], FlaskClient]:
    """A browser in which that person has logged in."""

    def made(name: str) -> FlaskClient:
        client = app.test_client()
        client.environ_base["HTTP_ACCEPT"] = "text/html"
        answer = client.post("/login", data={"username": name, "password": PASSWORD})
        assert answer.status_code == 303
        return client

    return made


@pytest.fixture
def engine_runs(context: Context) -> Iterator[None]:
    """The engine of the host runs, as far as its lock tells."""
    with hold_engine_lock(context.settings):
        yield


@pytest.fixture
def shop(context: Context, now: datetime) -> int:
    """An app with a history: v1 succeeded, v2 failed, v3 is live."""
    with context.database.writing() as session:
        workload_id = steps.add_workload(session, now, secrets={"DB_PASSWORD": context.vault.lock("s3cr3t-value")})
        steps.deploy_well(session, workload_id, now, "a")
        steps.deploy_badly(session, workload_id, now)
        steps.deploy_well(session, workload_id, now, "b")
    return workload_id
