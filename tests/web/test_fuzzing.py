"""The API as it is described, before a program that tries whatever the description allows and forbids: schemathesis.

It talks to a real gunicorn over a real ledger. Prefect is a stand-in that takes every run; Docker may be up or down.
What is to be removed goes from the ledger and deploys end there, as by an engine, so that waiting for them ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy.orm import Session

from db import history, ledger, workloads
from db.access import accounts
from db.migrate import upgrade
from db.models import Deploy
from db.settings import load_settings
from db.states import ErrorCode
from flows.supervisor.programs import gunicorn
from tasks.context import Context, now
from tests import ledger_steps as steps
from tests.real_parts import docker_address, free_port, running

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "openapi.json"
EXAMPLES = os.environ.get("BACKSTAY_FUZZ_EXAMPLES", "6")


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("prefect_answers")
def test_nothing_that_can_be_sent_makes_the_api_break_its_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefect_port: int
) -> None:
    port = free_port()
    given = {"HOME": tmp_path / "home", "WEB_PORT": port, "PREFECT_PORT": prefect_port, "DOCKER_HOST": docker_address()}
    for key, value in given.items():
        monkeypatch.setenv(f"BACKSTAY_{key}", str(value))
    settings = load_settings()
    token = filled_ledger()
    address = f"http://127.0.0.1:{port}"
    with running(gunicorn(settings), log=tmp_path / "web.log", ready=lambda: answers(address)), working():
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "fuzzing.toml")),
                *("run", str(DOCUMENT), "--url", address, "--checks", "all", "--max-examples", EXAMPLES),
                *("-H", f"Authorization: Bearer {token}", "--request-timeout", "20"),
                # One worker: with threads CPython 3.11 fails now and then in hypothesis (recursion depth of the AST).
            ],
            env=os.environ | {"SCHEMATHESIS_HOOKS": str(HERE / "fuzzing_checks.py")},
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
    print(done.stdout[-200_000:])
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]


@contextmanager
def working() -> Iterator[None]:
    """Removals and deploys are finished in the block, but for the containers: there are none."""
    context, over = Context.open(load_settings(), "engine", quiet=True), threading.Event()

    def engine() -> None:
        while not over.wait(0.2):
            with context.database.writing() as session:
                for one in workloads.removing(session, context.settings.host_name):
                    workloads.remove(session, one.id)
                for deploy in history.unfinished(session):
                    end(session, deploy)

    thread = threading.Thread(target=engine)
    thread.start()
    yield
    over.set()
    thread.join()
    context.close()


def end(session: Session, deploy: Deploy) -> None:
    """End a deploy, every second one well."""
    if ledger.claim(session, deploy.id, "engine-1", None, now()) is None:
        return
    if deploy.version % 2:
        ledger.fail(session, deploy.id, ErrorCode.HEALTH_TIMEOUT, "f" * 16, now())
    else:
        ledger.record_pin(session, deploy.id, steps.pin("abc"[deploy.version % 3]))
        ledger.succeed(session, deploy.id, [], now())


def filled_ledger() -> str:
    """A ledger with an app and its history, and a token of somebody who may do all."""
    context = Context.open(load_settings(), "web", quiet=True)
    upgrade(context.database)
    with context.database.writing() as session:
        shop = steps.add_workload(session, now(), secrets={"DB_PASSWORD": context.vault.lock("s3cr3t-value")})
        steps.deploy_well(session, shop, now(), "a")
        steps.deploy_badly(session, shop, now())
        steps.deploy_well(session, shop, now(), "b")
        token, _ = accounts.create_token(session, "admin", "ci", now())
    context.close()
    return token


def answers(address: str) -> bool:
    """Whether the server does."""
    try:
        return httpx.get(f"{address}/healthz", timeout=1).status_code == 200
    except httpx.HTTPError:
        return False
