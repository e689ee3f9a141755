"""A house: the three programs of Backstay as `up` starts them, each of which a test may kill and start again.

The programs are the product's own, with its own arguments; `points/sitecustomize.py` lets a test catch them at a place.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import httpx

from db import history
from db.access import accounts
from db.migrate import upgrade
from db.settings import Settings, ensure_home, prefect_auth
from flows.supervisor.programs import Program, backstay, programs
from tasks.context import Context, now
from tasks.prefect_api import PrefectUnreachable
from tests.faults.second_engine import SecondEngine
from tests.faults.workloads import Crashed
from tests.prefect_template import copy_prefect_database
from tests.real_parts import docker_address, free_port, stop, wait_until

POINTS = Path(__file__).parent / "points"
READY_WITHIN_S = {"prefect": 90, "engine": 60, "web": 40}
REACHED_WITHIN_S = 30
STATIC_SERVER = f"localhost/t-static-{os.getpid()}:1"  # to be built by the test that has a static site


class House:
    """A HOME with its ledger, its Prefect server, its engine and its web process."""

    def __init__(self, home: Path, client: docker.DockerClient) -> None:
        self.settings = Settings(
            home=home,
            docker_host=docker_address(),
            web_port=free_port(),
            prefect_port=free_port(),
            stats_interval=0,
            static_image=STATIC_SERVER,
            static_root="/www",
            keep_deploys=10_000,  # a walk has hundreds of requests, and each is to have its row
        )
        ensure_home(self.settings)
        copy_prefect_database(home / "prefect.db")
        self.context = Context.open(self.settings, "test", quiet=True)
        upgrade(self.context.database)
        self.docker = client
        self.point = home.parent / "point"
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        with self.context.database.writing() as session:
            token, _ = accounts.create_token(session, "admin", "tests", now())
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.settings.web_port}/api",
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=0),
        )

    def start(self, *names: str) -> None:
        """Start programs that do not run, all at once, and wait until each is ready."""
        wanted = {program.name: program for program in programs(self.settings) if program.name in names}
        for name, program in wanted.items():
            self.running[name] = self._spawn(program)
        for name, program in wanted.items():
            process = self.running[name]

            def is_ready(program: Program = program, process: subprocess.Popen[bytes] = process) -> bool:
                assert process.poll() is None, f"{program.name} ended: {self.said(program.name)}"
                return program.is_ready(process.pid)

            wait_until(is_ready, READY_WITHIN_S[name], lambda name=name: f"{name} is not ready: {self.said(name)}")

    def up(self) -> None:
        """Start all of it by `backstay up`, and wait until it says that it is ready. At once after a kill, too."""
        self._output("up").unlink(missing_ok=True)
        engine = next(program for program in programs(self.settings) if program.name == "engine")
        self.running["up"] = self._spawn(replace(engine, name="up", argv=backstay("up")))
        wait_until(lambda: "Backstay is ready." in self.said("up"), 120, lambda: f"up is not ready: {self.said('up')}")

    def kill(self, *names: str) -> None:
        """kill -9, all at once, each with the processes that it has started."""
        for name in names:
            os.killpg(self.running[name].pid, signal.SIGKILL)
        for name in names:
            self.running.pop(name).wait()

    def close(self) -> None:
        """End everything."""
        for process in reversed(self.running.values()):
            stop(process, within_s=20)
        self.http.close()
        self.context.close()

    @contextmanager
    def on(self, engine: SecondEngine) -> Iterator[House]:
        """In the block the house stands on another Docker Engine. Its engine and web process are started anew."""
        before = self.settings, self.context, self.docker
        self.stop("engine", "web")
        self.settings = self.settings.model_copy(update={"docker_host": engine.address})
        self.context = Context.open(self.settings, "test", quiet=True)
        self.docker = docker.DockerClient(base_url=engine.address, timeout=60)
        try:
            yield self
        finally:
            self.stop("engine", "web")
            self.context.close()
            self.docker.close()
            self.settings, self.context, self.docker = before

    def stop(self, *names: str) -> None:
        """End those of these programs that run."""
        for name in names:
            if name in self.running:
                stop(self.running.pop(name), within_s=20)

    def said(self, name: str) -> str:
        """The last that a program has printed."""
        return self._output(name).read_text(errors="replace")[-3000:]

    def heal(self) -> None:
        """Start again whatever an earlier test has left dead."""
        self.point.unlink(missing_ok=True)
        self.stop("up")
        for name in [name for name, process in self.running.items() if process.poll() is not None]:
            del self.running[name]
        dead = [name for name in ("prefect", "engine", "web") if name not in self.running]
        self.start(*(name for name in dead if name == "prefect"))
        self.start(*(name for name in dead if name != "prefect"))

    def unfinished(self) -> list[str]:
        """What is under way, and what Prefect says of its run."""
        with self.context.database.reading() as session:
            rows = history.unfinished(session)
        return [f"v{one.version} {one.status} {one.stage} {self._run_of(one.flow_run_id)}" for one in rows]

    def _run_of(self, run: str | None) -> str:
        try:
            return str(self.context.prefect.run_state(run)) if run else "no run"
        except PrefectUnreachable as error:
            return f"Prefect: {error}"

    def workload(self, name: str, *, port: int | None) -> Crashed:
        """A workload of this house, not yet created."""
        return Crashed(self.context, self.docker, name, port or 0)

    def prefect(self, method: str, path: str, body: dict[str, Any]) -> Any:
        """Ask Prefect's API, as its UI does."""
        user, _, password = prefect_auth(self.settings).partition(":")
        url = f"{self.settings.api_url}{path}"
        answer = httpx.request(method, url, json=body, auth=(user, password), timeout=30)
        return answer.raise_for_status().json()

    @contextmanager
    def caught_at(self, point: str) -> Iterator[_Caught]:
        """In the block the programs stand still where they come to the point; at its end they go on."""
        reached = self.point.with_suffix(".reached")
        reached.unlink(missing_ok=True)
        self.point.write_text(point)
        try:
            yield _Caught(reached, lambda: f"no program came to {point}: {self.unfinished()} {self.said('engine')}")
        finally:
            self.point.unlink(missing_ok=True)

    @contextmanager
    def refusing(self, *rules: str) -> Iterator[Callable[[], list[str]]]:
        """In the block the engine's requests to Prefect are refused by these rules (see points/refusals.py), one that
        is started in it too. Gives a function that says which were."""
        refuse, refused = self.point.with_suffix(".refuse"), self.point.with_suffix(".refused")
        refused.unlink(missing_ok=True)
        refuse.write_text("\n".join(rules))
        try:
            yield lambda: refused.read_text().splitlines() if refused.exists() else []
        finally:
            refuse.unlink(missing_ok=True)

    def _spawn(self, program: Program) -> subprocess.Popen[bytes]:
        env: dict[str, Any] = {"PYTHONPATH": str(POINTS), "BACKSTAY_FAULT_POINT": str(self.point)}
        with self._output(program.name).open("ab") as output:
            return subprocess.Popen(
                program.argv,
                env=os.environ | program.env | env,
                cwd=program.cwd,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _output(self, name: str) -> Path:
        return self.settings.logs / f"{name}-output"


class _Caught:
    """Whether a program has come to its point."""

    def __init__(self, reached: Path, otherwise: Callable[[], str]) -> None:
        self._reached, self._otherwise = reached, otherwise

    def wait(self) -> None:
        """Wait until it has."""
        wait_until(self._reached.exists, REACHED_WITHIN_S, self._otherwise)
