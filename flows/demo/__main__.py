"""`make demo`: Backstay with a workload that has a history of real deploys.

v1, v2, a v3 that fails its health gate and leaves v2 serving, a rollback to v1, live samples. Every step is requested
and checked over HTTP, as a user would. With --exit it then exits; otherwise it stays until Ctrl-C.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx

from db.access import accounts
from db.settings import Settings, load_settings
from flows import doctor
from flows.demo.images import PORT, VERSIONS, build_context
from flows.demo.leaving import Leaving
from flows.demo.wording import unexpected_end
from flows.refusals import Refusal
from flows.supervisor.preflight import CannotStart
from flows.supervisor.supervisor import Supervisor
from flows.supervisor.up import banner, web_url
from flows.workloads import removal
from tasks.context import Context, now
from tasks.images.build import quietly

NAME = "demo"
USER = "demo"
FAVOURITE_PORT = 18080
# Long enough for a slow machine: an emulated one takes minutes for the first start of Prefect.
READY_WITHIN_S = 900.0
DEPLOY_WITHIN_S = 180.0
SAMPLES_WITHIN_S = 180.0
REMOVED_WITHIN_S = 180.0


class DemoFailed(Exception):  # noqa: N818 - it names what happened
    """A check of the demo failed."""


class Demo:
    """One run of the demo against a running Backstay."""

    def __init__(self, context: Context, api: httpx.Client, port: int, leaving: Leaving) -> None:
        self._context, self._api, self.port, self._leaving = context, api, port, leaving

    def play(self) -> None:
        """Run the whole demo, checking each step. Raises DemoFailed."""
        for version in VERSIONS:
            quietly(self._context.docker, BytesIO(build_context(version, _busybox())), version.image)
        one, two, three = VERSIONS
        _check(self.remove(), "the workload of an earlier demo is removed")
        self._expect(self._api.post("/api/workloads", json=self._spec(one.image)), 201)
        self._deploy({}, "succeeded", one.page)
        self._wait_for_samples(2)
        self._deploy({"image": two.image}, "succeeded", two.page)
        self._wait_for_samples(4)
        failed = self._deploy({"image": three.image}, "failed", two.page)
        _check(failed["error_code"] == "health_timeout", "v3 fails its health gate")
        self._roll_back(one.page)

    def remove(self) -> bool:
        """Have the engine remove the workload; return whether it is gone."""
        deadline = time.monotonic() + REMOVED_WITHIN_S
        while time.monotonic() < deadline:
            answer = self._api.delete(f"/api/workloads/{NAME}")
            if answer.status_code in {204, 404}:
                return True
            if answer.status_code == httpx.codes.CONFLICT:  # a deploy is under way: the demo was interrupted
                version = answer.json()["version"]
                self._api.post(f"/api/workloads/{NAME}/deploys/{version}/cancel")
            time.sleep(0.2)
        return False

    def _spec(self, image: str) -> dict[str, Any]:
        return {
            "name": NAME,
            "source": {"kind": "image", "image": image},
            "ports": [{"container": PORT, "host": self.port}],
            "env": {"LOG_LEVEL": "info"},
            "health": {"http": "/healthz", "timeout_s": 4},
            "resources": {"memory_mb": 64},
            "stop_timeout_s": 3,
        }

    def _deploy(self, body: dict[str, str], status: str, page: bytes) -> dict[str, Any]:
        row = self._expect(self._api.post(f"/api/workloads/{NAME}/deploys", json=body), 202)
        return self._follow(row, status, page)

    def _roll_back(self, page: bytes) -> None:
        live = self._api.get(f"/api/workloads/{NAME}").json()["live"]["version"]
        row = self._expect(self._api.post(f"/api/workloads/{NAME}/rollback", json={"expected_live": live}), 202)
        _check(row["reason"] == "rollback" and row["rollback_of"] == 1, "the rollback goes to v1")
        self._follow(row, "succeeded", page)

    def _follow(self, row: dict[str, Any], status: str, page: bytes) -> dict[str, Any]:
        version = row["version"]

        def ended() -> dict[str, Any] | None:
            seen: dict[str, Any] = self._api.get(f"/api/workloads/{NAME}/deploys/{version}").json()
            return None if seen["status"] in {"queued", "running"} else seen

        end: dict[str, Any] = self._until(ended, DEPLOY_WITHIN_S, f"v{version} ends")
        if otherwise := unexpected_end(end, status):
            raise DemoFailed(otherwise)
        _check(end["verified"] is (True if status == "succeeded" else None), f"v{version} is verified")
        _check(self._served() == page, f"after v{version} the right version serves")
        words = f"{end['reason']} {end['requested'].partition('/')[2]}"
        tell(f"v{version} {words}: {end['status']}{_why(end)} in {end['duration_ms']} ms")
        return end

    def _served(self) -> bytes:
        return httpx.get(f"http://127.0.0.1:{self.port}/", timeout=5).content

    def _wait_for_samples(self, count: int) -> None:
        def enough() -> list[Any] | None:
            points = self._api.get(f"/api/workloads/{NAME}/stats/history", params={"window": "30m"}).json()
            return points if len(points) >= count and points[-1]["cpu_percent"] is not None else None

        last = self._until(enough, SAMPLES_WITHIN_S, f"{count} samples are there")[-1]
        tell(f"samples: CPU {last['cpu_percent']} %, memory {last['memory_usage'] / 1048576:.1f} MiB")

    def _until(self, look: Callable[[], Any], seconds: float, what: str) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._leaving.wanted:
            found = look()
            if found is not None:
                return found
            time.sleep(0.1)
        raise DemoFailed(f"this should hold and did not within {seconds:.0f} s: {what}")

    def _expect(self, answer: httpx.Response, status: int) -> Any:
        code = answer.json().get("code", "") if "json" in answer.headers.get("content-type", "") else ""
        request = answer.request
        if answer.status_code != status:
            raise DemoFailed(f"{request.method} {request.url.path} answered {answer.status_code} {code}, not {status}")
        return answer.json() if answer.content else None


def main() -> int:
    """Run the demo; return the exit code."""
    began = time.monotonic()
    # Sampled more often than by default, so that the chart shows something within a minute.
    os.environ.setdefault("BACKSTAY_STATS_INTERVAL", "5")
    settings = load_settings()
    supervisor = Supervisor(settings)
    supervisor.listen()
    try:
        supervisor.start()
    except CannotStart as reason:
        print(f"backstay: {reason}", file=sys.stderr)
        return 2
    context = Context.open(settings, "demo", quiet=True)
    try:
        if not supervisor.wait_ready(READY_WITHIN_S):
            if supervisor.is_stopping:
                return 0
            print(f"backstay: the demo stopped: not ready within {READY_WITHIN_S:.0f} s; see above", file=sys.stderr)
            return 1
        password = supervisor.first_password
        return _run(supervisor, context, settings, password, began, leave="--exit" in sys.argv[1:])
    finally:
        supervisor.stop()
        _clear_away(context)
        context.close()


def _run(
    supervisor: Supervisor, context: Context, settings: Settings, password: str | None, began: float, *, leave: bool
) -> int:
    with context.database.writing() as session:
        token, row = accounts.create_token(session, "admin", "demo", now())
    api = httpx.Client(base_url=web_url(settings), headers={"Authorization": f"Bearer {token}"}, timeout=30)
    leaving = Leaving(supervisor)
    demo = Demo(context, api, _free_port(), leaving)
    try:
        demo.play()
        if leave:
            tell(f"All checks passed: success, failure that left v2 serving, rollback, live samples. {_spent(began)}")
            return 0
        print(banner(settings, password))
        _say_where(context, settings, demo.port, password)
        leaving.wait()
        return 0
    except (DemoFailed, httpx.HTTPError) as problem:
        if leaving.wanted:
            return 0
        print(f"backstay: the demo stopped: {problem}", file=sys.stderr)
        if not (host := doctor.check_host(settings)).ok:
            print(f"backstay: {host.detail}", file=sys.stderr)
        return 1
    finally:
        _remove(context, demo)
        api.close()
        with context.database.writing() as session:
            accounts.delete_token(session, row.id)


def _remove(context: Context, demo: Demo) -> None:
    """Have the engine remove the workload while it still runs; else mark it, and the next start removes it."""
    with suppress(httpx.HTTPError):
        if demo.remove():
            return
    with suppress(Refusal):
        removal.mark(context, NAME, "demo")
    print(
        "backstay: the demo's container is still there; it is removed when Backstay starts here again", file=sys.stderr
    )


def _say_where(context: Context, settings: Settings, port: int, first_password: str | None) -> None:
    print(f"  The demo      {web_url(settings)}/apps/{NAME}\n  What it runs  http://127.0.0.1:{port}/")
    if first_password is None:
        # This HOME is older than this demo, and we do not know its admin's password.
        password = secrets.token_urlsafe(12)
        with context.database.writing() as session:
            accounts.delete_user(session, USER)
            accounts.add_user(session, USER, "admin", password, now())
        print(f"  Or log in as  {USER} / {password}   (until the demo ends)")


def _clear_away(context: Context) -> None:
    """Remove the demo's user and images."""
    with context.database.writing() as session:
        accounts.delete_user(session, USER)
    for version in VERSIONS:
        context.docker.images.remove(version.image)


def tell(line: str) -> None:
    """Print a line of the demo itself, set apart from the programs' output."""
    print(f"demo    | {line}", flush=True)


def _busybox() -> bytes:
    path = shutil.which("busybox")
    if path is None:
        raise DemoFailed("busybox was not found: install busybox-static, or start the demo with `make demo`")
    return Path(path).read_bytes()


def _free_port() -> int:
    for wanted in (FAVOURITE_PORT, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoFailed("there is no free port")


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise DemoFailed(f"this should hold and does not: {what}")


def _why(row: dict[str, Any]) -> str:
    return f" ({row['error_code']})" if row["error_code"] else ""


def _spent(began: float) -> str:
    return f"{time.monotonic() - began:.0f} s in all."


if __name__ == "__main__":
    sys.exit(main())
