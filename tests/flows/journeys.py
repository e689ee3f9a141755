"""A house for journeys: engine, Prefect, web interface and command line over one HOME, as people have them."""

from __future__ import annotations

import io
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import httpx
from pytest import MonkeyPatch
from werkzeug.serving import make_server

from db.migrate import upgrade
from db.settings import Settings, ensure_home
from flows.cli.app import main
from tasks.context import Context
from tests.docker.fixtures import remove_workload
from tests.flows.engines import Through
from tests.pure.webhook_payloads import sent
from tests.real_parts import wait_until
from webapp.app import create_app

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@dataclass(frozen=True)
class Said:
    """What a verb came to."""

    code: int
    out: str
    err: str


@dataclass
class House:
    """Verbs of those who use it."""

    context: Context
    docker: docker.DockerClient
    address: str

    def backstay(self, *arguments: str) -> Said:
        """A verb at the command line."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(arguments)
        return Said(code, out.getvalue(), err.getvalue())

    def done(self, *arguments: str) -> str:
        """A verb that has to succeed; answers what it printed."""
        said = self.backstay(*arguments)
        assert said.code == 0, said
        return said.out

    def workload(self, name: str, port: int) -> Through:
        """A workload that is there, to look at."""
        return Through(self.context, self.docker, name, port)

    def hook(self, name: str, provider: str, *more: str) -> dict[str, Any]:
        """Add a webhook; its address is that of our web interface."""
        made: dict[str, Any] = json.loads(self.done("hook", "add", name, "--provider", provider, *more, "--json"))
        return made | {"url": self.address + made["path"]}

    def call(self, hook: dict[str, Any], data: dict[str, Any], delivery: str) -> dict[str, Any]:
        """Send a delivery as the hook's provider does; answers what it was told."""
        body, headers = sent(hook["provider"], data, hook["secret"], delivery)
        answer = httpx.post(hook["url"], content=body, headers=headers, timeout=30)
        assert answer.status_code in {200, 202}, answer.text
        found: dict[str, Any] = answer.json()
        return found


@contextmanager
def built(home: Path, client: docker.DockerClient, prefect_url: str, **settings: Any) -> Iterator[House]:
    """The house while it stands. Prefect's login is in the environment already."""
    chosen = Settings(
        home=home, prefect_api_url=prefect_url, host_name=f"j-{os.getpid()}", stats_interval=0, **settings
    )
    ensure_home(chosen)
    context = Context.open(chosen, "test", quiet=True)
    upgrade(context.database)
    server = make_server("127.0.0.1", 0, create_app(context), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    with MonkeyPatch.context() as environment:
        for key, value in chosen.model_dump().items():
            if key != "admin_password":
                environment.setenv(f"BACKSTAY_{key.upper()}", str(value))
        with Through(context, client, "", 0).engine():
            yield House(context, client, f"http://127.0.0.1:{server.port}")
    server.shutdown()
    thread.join()
    server.server_close()
    context.close()


def example(folder: Path, kind: str, **instead: str) -> Path:
    """The example of a kind, copied into `folder` with other words in place of some; answers the spec's file.

    Each word has to stand in one of its files: what an example says is what is deployed.
    """
    specs = []
    found = set()
    for file in sorted((EXAMPLES / kind).iterdir()):
        text = file.read_text()
        for old, new in instead.items():
            pattern = re.compile(rf"(?<![\w-]){re.escape(old)}(?![\w-])")
            found |= {old} if pattern.search(text) else set()
            text = pattern.sub(lambda _, new=new: new, text)  # type: ignore[misc]
        (folder / file.name).write_text(text)
        specs += [folder / file.name] if re.search(r"^source:", text, re.MULTILINE) else []
    assert found == set(instead), f"the example of {kind} has no {set(instead) - found}"
    (spec,) = specs
    return spec


@contextmanager
def gone_afterwards(client: docker.DockerClient, *names: str) -> Iterator[None]:
    """Whatever happens, nothing of these workloads is left on the Engine."""
    try:
        yield
    finally:
        for name in names:
            remove_workload(client, name)


def serves(shop: Through, text: str) -> bool:
    """Whether the published port answers a text; False while it does not answer."""
    try:
        return shop.served() == text
    except OSError:
        return False


def ends(shop: Through, version: int) -> dict[str, Any]:
    """The row of a version, once it is there and has its end."""
    wait_until(lambda: any(row["version"] == version for row in shop.rows()), 60, lambda: f"{shop.rows()[:1]}")
    shop.wait(version, lambda row: row["finished_at"] is not None)
    return shop.row(version)
