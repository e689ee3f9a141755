"""Bad days: the disk full, HOME read-only, the ledger locked. A clear word, and nothing is lost.

Each test ends with what SQLite itself says of the ledger, and with a request that works again without a restart.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from http.server import ThreadingHTTPServer
from pathlib import Path

import docker
import pytest
from flask.testing import FlaskClient

from db.access import accounts
from db.connection import Database, LedgerUnavailable
from db.migrate import upgrade
from db.settings import Settings, ensure_home
from db.states import Stage
from flows.dispatch import attempt, carry_out
from flows.requests import open_deploy
from flows.upkeep.reconcile import reconcile
from tasks.context import Context
from tasks.failures import Failure
from tasks.job import Job
from tests.docker.images import Images
from tests.docker.registries import RegistryServer
from tests.docker.scenario import ME, Scenario
from tests.faults.disks import Disk, complaints, locked, small_disk
from tests.real_parts import docker_address, free_port, real_part
from tests.web.conftest import PrefectStandIn
from webapp.app import create_app

BACKSTAY = [sys.executable, "-P", "-m", "flows.cli"]
SPEC = {"source": {"kind": "image", "image": "127.0.0.1:9/shop:1"}}


@pytest.fixture
def disk(home: Path) -> Iterator[Disk]:
    """HOME is a small disk of its own."""
    real_part("mounts")
    with small_disk(home) as disk:
        yield disk


@pytest.fixture
def prefect() -> Iterator[int]:
    """A port where Prefect takes every run."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), PrefectStandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture
def context(disk: Disk, settings: Settings, prefect: int, now: datetime) -> Iterator[Context]:
    """A context over an empty ledger on that disk, which waits for a lock a third of a second only."""
    ensure_home(settings)
    opened = Context.open(settings.model_copy(update={"prefect_port": prefect}), "test", quiet=True)
    upgrade(opened.database)
    with opened.database.writing() as session:
        accounts.add_user(session, "admin", "admin", "a long enough password", now)
    opened.database.close()
    hasty = replace(opened, database=Database(settings.ledger_url, busy_timeout_ms=300))
    yield hasty
    hasty.close()


@pytest.fixture
def admin(context: Context, now: datetime) -> FlaskClient:
    """A program with a token, talking to the web interface."""
    with context.database.writing() as session:
        token, _ = accounts.create_token(session, "admin", "ci", now)
    client = create_app(context).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def ledger(context: Context) -> Path:
    """The file."""
    return context.settings.home / "backstay.db"


def cli(context: Context, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A verb in a process of its own, on the same HOME."""
    env = os.environ | {
        "BACKSTAY_HOME": str(context.settings.home),
        "BACKSTAY_DOCKER_HOST": docker_address(),
        "BACKSTAY_PREFECT_PORT": str(context.settings.prefect_port),
        "BACKSTAY_WEB_PORT": str(free_port()),
    }
    return subprocess.run([*BACKSTAY, *arguments], env=env, capture_output=True, text=True, check=False, timeout=60)


def one_sentence(done: subprocess.CompletedProcess[str], words: str) -> None:
    """Exit code and shape of an error that a person can read."""
    assert done.returncode in {1, 2}, done
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stdout + done.stderr


def add(client: FlaskClient, name: str) -> int:
    """Create a workload; answers the status, and looks at the answer when it is a refusal."""
    answer = client.post("/api/workloads", json={"name": name} | SPEC)
    if answer.status_code == 503:
        assert answer.content_type == "application/problem+json"
        assert answer.json["code"] == "ledger_unavailable"
        assert int(answer.headers["Retry-After"]) > 0
    return answer.status_code


# The disk is full


def test_on_a_full_disk_what_was_accepted_is_there_and_the_rest_was_refused(
    disk: Disk, context: Context, admin: FlaskClient
) -> None:
    assert add(admin, "first") == 201
    disk.fill()
    answers = [add(admin, f"w{number}") for number in range(3)]
    while 503 not in answers:  # the write-ahead log had some room in reserve
        answers.append(add(admin, f"w{len(answers)}"))
    assert set(answers) <= {201, 503}
    assert admin.post("/api/workloads/first/deploys").json["code"] == "ledger_unavailable"
    names = [workload["name"] for workload in admin.get("/api/workloads").json["workloads"]]
    assert len(names) == 1 + answers.count(201)
    login = {"username": "admin", "password": "a long enough password"}
    assert admin.post("/login", json=login).json["code"] == "ledger_unavailable"
    disk.free()
    assert add(admin, "last") == 201
    assert admin.post("/api/workloads/first/deploys").status_code == 202
    assert complaints(ledger(context)) == []


def test_on_a_full_disk_the_command_line_says_so_in_one_sentence(
    disk: Disk, context: Context, admin: FlaskClient, tmp_path: Path
) -> None:
    add(admin, "first")
    (tmp_path / "shop.yaml").write_text(json.dumps({"name": "shop"} | SPEC))
    disk.fill(context.database)
    one_sentence(cli(context, "apply", str(tmp_path / "shop.yaml")), "(ledger_unavailable)")
    one_sentence(cli(context, "backup", str(disk.path / "backup.tar")), "")
    assert not list(disk.path.glob("*backup*"))
    disk.free()
    assert cli(context, "apply", str(tmp_path / "shop.yaml")).returncode == 0
    assert complaints(ledger(context)) == []


@pytest.fixture
def shop(
    context: Context, docker_client: docker.DockerClient, workload_name: str, images: Images, registry: RegistryServer
) -> Scenario:
    """A workload that serves version one, on real Docker; its next deploy is of version two."""
    shop = Scenario(context, docker_client, workload_name, free_port())
    for version in ("one", "two"):
        images.publish(f"{registry.address}/{shop.name}:{version}", f"version {version}")
    shop.create(f"{registry.address}/{shop.name}:one")
    assert shop.deploy()["status"] == "succeeded"
    shop.change(source={"kind": "image", "image": f"{registry.address}/{shop.name}:two"})
    return shop


def before(stage: Stage, action: Callable[[], None]) -> Callable[[Stage, Callable[[Job], None], Job], Failure | None]:
    """The choke point's call, with something that happens when a stage begins."""

    def call(begins: Stage, step: Callable[[Job], None], job: Job) -> Failure | None:
        if begins is stage:
            action()
        return attempt(begins, step, job)

    return call


@pytest.mark.parametrize("stage", Stage)
def test_a_disk_that_fills_up_during_a_deploy_leaves_the_old_version_serving(
    disk: Disk, shop: Scenario, stage: Stage
) -> None:
    context = shop.context
    deploy = open_deploy(context, shop.name, ME)[0]
    with pytest.raises(LedgerUnavailable):
        carry_out(context, deploy.id, "engine", call=before(stage, lambda: disk.fill(context.database)))
    assert shop.served() == "version one"  # while the disk is still full
    assert shop.rows()[0]["status"] == "running"
    reconcile(context, "engine")  # a pass that can do nothing yet does no harm
    assert shop.served() == "version one"
    disk.free()
    reconcile(context, "engine")
    row = shop.rows()[0]
    assert (row["status"], row["error_code"], row["live"]) == ("interrupted", "interrupted", False)
    assert shop.containers() == {f"{shop.name}-v1": "running"}
    assert shop.rows()[1]["live"] is True
    assert shop.deploy()["status"] == "succeeded"
    assert shop.served() == "version two"
    assert complaints(ledger(context)) == []


def test_an_old_version_that_takes_its_time_serves_when_the_deploy_is_over_also_on_a_full_disk(
    disk: Disk, shop: Scenario, images: Images, registry: RegistryServer
) -> None:
    context, two = shop.context, f"{registry.address}/{shop.name}:two"
    images.publish(f"{registry.address}/{shop.name}:slow", "slow", "slow_start")
    assert shop.deploy(f"{registry.address}/{shop.name}:slow")["status"] == "succeeded"
    shop.change(source={"kind": "image", "image": two})
    deploy = open_deploy(context, shop.name, ME)[0]
    with pytest.raises(LedgerUnavailable):
        carry_out(context, deploy.id, "engine", call=before(Stage.FINISH, lambda: disk.fill(context.database)))
    assert shop.served() == "slow"


# The ledger is locked


def test_a_lock_that_stays_is_answered_and_reading_goes_on(context: Context, admin: FlaskClient) -> None:
    assert add(admin, "first") == 201
    with locked(ledger(context)):
        began = time.monotonic()
        assert add(admin, "second") == 503
        assert time.monotonic() - began < 5
        assert [w["name"] for w in admin.get("/api/workloads").json["workloads"]] == ["first"]
        reconcile(context, "engine")
    assert add(admin, "second") == 201
    assert complaints(ledger(context)) == []


def test_a_lock_that_goes_in_time_is_only_waited_for(context: Context, admin: FlaskClient) -> None:
    # The real patience, as every process has it.
    context.database = Database(context.settings.ledger_url)
    statuses: list[int] = []
    asking = threading.Thread(target=lambda: statuses.append(add(admin, "patient")))
    with locked(ledger(context)):
        asking.start()
        asking.join(1.0)
        assert asking.is_alive()
    asking.join()
    assert statuses == [201]
    assert complaints(ledger(context)) == []


def test_a_lock_beyond_all_patience_is_one_sentence_at_the_command_line(context: Context, admin: FlaskClient) -> None:
    add(admin, "first")
    with locked(ledger(context)):
        doctor = cli(context, "doctor")
        assert "is locked by another program" in doctor.stdout
        one_sentence(cli(context, "deploy", "first", "--detach"), "(ledger_unavailable)")
    assert cli(context, "deploy", "first", "--detach").returncode == 0
    assert complaints(ledger(context)) == []


# HOME is read-only


@pytest.mark.parametrize("arguments", [["status"], ["deploy", "first", "--detach"], ["up"]])
def test_a_read_only_home_is_one_sentence(
    disk: Disk, context: Context, admin: FlaskClient, arguments: list[str]
) -> None:
    add(admin, "first")
    with read_only(disk, context):
        one_sentence(cli(context, *arguments), "")
    assert cli(context, "status").returncode == 0


def test_a_read_only_home_is_a_503_and_passes(disk: Disk, context: Context, admin: FlaskClient) -> None:
    add(admin, "first")
    with read_only(disk, context):
        assert add(admin, "second") == 503
        answer = admin.get("/api/workloads")
        assert (answer.status_code, answer.json["code"]) == (503, "ledger_unavailable")
        assert "✗ home" in cli(context, "doctor").stdout
        reconcile(context, "engine")
    assert add(admin, "second") == 201
    assert complaints(ledger(context)) == []


def read_only(disk: Disk, context: Context) -> AbstractContextManager[None]:
    """HOME is read-only. The kernel makes no disk so under an open file: what this process has open is closed first."""
    context.database.close()
    for handler in context.log.handlers:
        handler.close()
    return disk.read_only()
