"""`backstay up` with its three children, all real processes: it comes up, survives deaths, leaves nothing behind.

The tests of one `up` run in their order on one HOME, because a first start takes its time.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.real_parts import docker_address, free_port, real_part, stop, wait_until

BACKSTAY = [sys.executable, "-P", "-m", "flows.cli"]
UP_WITHIN_S = 120.0
BACK_WITHIN_S = 60.0
PASSWORD = "correct horse battery"
SPEC = """
name: shop
source: {kind: image, image: "127.0.0.1:9/shop:1"}
"""


class Installation:
    """A HOME with its ports, and the `up` that runs on it, if one does."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.web, self.prefect = free_port(), free_port()
        self.env = os.environ | {
            "BACKSTAY_HOME": str(home),
            "BACKSTAY_WEB_PORT": str(self.web),
            "BACKSTAY_PREFECT_PORT": str(self.prefect),
            "BACKSTAY_DOCKER_HOST": docker_address(),
            "BACKSTAY_ADMIN_PASSWORD": PASSWORD,
        }
        self.screen = home.parent / "screen"
        self.process: subprocess.Popen[bytes] | None = None

    def up(self) -> None:
        """Start it and wait for the banner."""
        with self.screen.open("wb") as screen:
            self.process = subprocess.Popen(
                [*BACKSTAY, "up"], env=self.env, stdout=screen, stderr=screen, start_new_session=True
            )
        self.wait_for("Backstay is ready.", UP_WITHIN_S)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another verb on the same HOME."""
        return subprocess.run([*BACKSTAY, *arguments], env=self.env, capture_output=True, text=True, check=False)

    @property
    def said(self) -> str:
        """All that `up` has printed."""
        return self.screen.read_text(errors="replace")

    def wait_for(self, words: str, within_s: float, times: int = 1) -> None:
        """Wait until it has printed these words that often."""
        wait_until(lambda: self.said.count(words) >= times, within_s, lambda: f"no {words!r} in:\n{self.said}")

    def children(self) -> dict[str, psutil.Process]:
        """Its three children by name."""
        assert self.process is not None
        marks = {"flows.supervisor.prefect_server": "prefect", "engine": "engine", "gunicorn": "web"}
        found = psutil.Process(self.process.pid).children()
        return {name: child for child in found for mark, name in marks.items() if mark in child.cmdline()}

    def tree(self) -> list[psutil.Process]:
        """The process and everything under it."""
        assert self.process is not None
        return [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]

    def web_answers(self) -> bool:
        """Whether the web interface says that it is alive."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.web}/healthz", timeout=2).is_success
        except httpx.HTTPError:
            return False


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for the tests of this module; whatever still runs at the end is ended."""
    real_part("engine")
    installation = Installation(tmp_path_factory.mktemp("up") / "home")
    yield installation
    if installation.process is not None:
        stop(installation.process, within_s=30)


def all_gone(processes: list[psutil.Process]) -> Callable[[], bool]:
    """Whether none of them runs any more; a zombie does not run."""
    return lambda: all(not each.is_running() or each.status() == psutil.STATUS_ZOMBIE for each in processes)


@pytest.mark.timeout(300)
def test_up_comes_ready_and_says_where_and_how_to_log_in(installation: Installation) -> None:
    installation.up()
    said = installation.said
    assert "Prefect is preparing its database" in said
    assert f"http://127.0.0.1:{installation.web}" in said
    assert f"http://127.0.0.1:{installation.prefect}" in said
    auth = (installation.home / "prefect-auth").read_text()
    assert auth in said
    assert PASSWORD not in said
    assert installation.children().keys() == {"prefect", "engine", "web"}


def test_the_api_of_prefect_is_open_to_its_login_only(installation: Installation) -> None:
    url = f"http://127.0.0.1:{installation.prefect}/api/admin/version"
    user, _, password = (installation.home / "prefect-auth").read_text().partition(":")
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, auth=(user, password)).status_code == 200


def test_what_up_prints_is_free_of_prefects_greeting(installation: Installation) -> None:
    assert "Check out the dashboard" not in installation.said
    assert "Check out the dashboard" in (installation.home / "logs" / "prefect.log").read_text()
    assert "Traceback" not in installation.said


def test_doctor_finds_nothing_wrong(installation: Installation) -> None:
    done = installation.run("doctor")
    assert done.returncode == 0, done.stdout
    assert "✗" not in done.stdout


def test_a_second_up_on_the_same_home_is_refused(installation: Installation) -> None:
    assert installation.process is not None
    done = installation.run("up")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"is already running on {installation.home} (process {installation.process.pid})" in done.stderr


def test_a_deploy_from_the_command_line_is_followed_to_its_bad_end(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(SPEC)
    assert installation.run("apply", str(tmp_path / "shop.yaml")).returncode == 0
    done = installation.run("deploy", "shop", "--json")
    row = json.loads(done.stdout)
    assert done.returncode == 1
    assert (row["status"], row["error_code"]) == ("failed", "source_unavailable")
    assert f"backstay: shop version 1 failed while pinning the version ({row['error_code']}): " in done.stderr


@pytest.mark.parametrize("name", ["web", "engine"])
@pytest.mark.timeout(120)
def test_a_child_that_is_killed_comes_back(installation: Installation, name: str) -> None:
    before = installation.children()[name]
    ready_before = installation.said.count(f"{name} is ready")
    before.kill()
    installation.wait_for(f"{name} was killed by SIGKILL; restarting it in 1 s", 10)
    installation.wait_for(f"{name} is ready", BACK_WITHIN_S, ready_before + 1)
    assert installation.children()[name].pid != before.pid
    assert installation.web_answers()


@pytest.mark.timeout(180)
def test_a_prefect_that_answers_and_takes_nothing_is_started_again(installation: Installation) -> None:
    before, ready_before = installation.children()["prefect"], installation.said.count("prefect is ready")
    other = sqlite3.connect(installation.home / "prefect.db", isolation_level=None, timeout=30)
    other.execute("BEGIN IMMEDIATE")  # as a transaction does that was left open inside the server
    installation.wait_for("prefect is running but no longer responds", 90)
    other.rollback()
    other.close()
    installation.wait_for("prefect is ready", BACK_WITHIN_S, ready_before + 1)
    assert installation.children()["prefect"].pid != before.pid
    assert installation.run("deploy", "shop", "--json").returncode == 1  # carried out, to its bad end
    assert json.loads(installation.run("releases", "shop", "--json").stdout)["deploys"][0]["stage"] == "pin"


@pytest.mark.timeout(120)
def test_ctrl_c_ends_everything(installation: Installation) -> None:
    tree = installation.tree()
    assert installation.process is not None
    os.kill(installation.process.pid, signal.SIGINT)
    assert installation.process.wait(40) == 0
    wait_until(all_gone(tree), 5, lambda: f"left: {[each for each in tree if each.is_running()]}")
    assert installation.said.rstrip().endswith("stopped")
    assert "Traceback" not in installation.said


@pytest.mark.timeout(300)
def test_after_a_power_cut_nothing_stays_and_the_next_start_works(installation: Installation) -> None:
    installation.up()
    assert "Prefect is preparing its database" not in installation.said
    tree = installation.tree()
    os.kill(tree[0].pid, signal.SIGKILL)
    assert installation.process is not None
    installation.process.wait()
    installation.up()  # at once: it waits for what is still ending
    assert all_gone(tree)()
    processes = installation.tree()
    os.kill(installation.process.pid, signal.SIGTERM)
    assert installation.process.wait(40) == 0
    wait_until(all_gone(processes), 5, "something is left")


@pytest.mark.timeout(120)
def test_a_second_ctrl_c_does_not_wait(installation: Installation) -> None:
    installation.process = subprocess.Popen([*BACKSTAY, "up"], env=installation.env, stdout=subprocess.DEVNULL)
    wait_until(lambda: len(installation.children()) == 3, 30, "the children were not started")
    tree = installation.tree()
    for _ in range(2):
        os.kill(installation.process.pid, signal.SIGINT)
    assert installation.process.wait(10) == 0
    wait_until(all_gone(tree), 5, "something is left")


@pytest.mark.parametrize("which", ["web", "prefect"])
def test_a_port_that_is_taken_is_one_sentence(installation: Installation, which: str) -> None:
    port = {"web": installation.web, "prefect": installation.prefect}[which]
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        done = installation.run("up")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert re.search(
        rf"port {port} .* is in use by another program; free it or set BACKSTAY_{which.upper()}_PORT", done.stderr
    )
    assert done.stdout == ""
