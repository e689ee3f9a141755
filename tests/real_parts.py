"""The real things that tests run on: whether they are there, and processes that a test starts and surely ends."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

# Below the ports that the kernel gives to outgoing connections, so that none of those takes one away before it is used;
# a process of the test run has its own slice, and gives each of its ports once.
_SLICE = 3000
_ports = itertools.cycle(range(_SLICE))
SERVERS = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"  # which is not on everybody's PATH


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on, and that no other test gets."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
    start = 20_000 + worker * _SLICE
    for _ in range(_SLICE):
        port = start + (next(_ports) + os.getpid() * 31) % _SLICE
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


def real_part(name: str) -> None:
    """Go on when the part is there. Else skip on a developer's machine, and fail under CI=true, where all must be."""
    if PARTS[name]():
        return
    reason = f"{name} is missing: `.ci/ensure-system --tests` brings it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def postgres_program(name: str) -> str | None:
    """Path of one of PostgreSQL's programs, the newest installed version's. Debian keeps them off the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=lambda path: int(path.parent.name))
    return shutil.which(name, path=os.pathsep.join([str(path) for path in reversed(versions)] + [os.environ["PATH"]]))


def program(name: str) -> str | None:
    """Path of a server that tests start."""
    return shutil.which(name, path=SERVERS)


def docker_address() -> str:
    """The Engine that the tests use: BACKSTAY_DOCKER_HOST as it was at the start, DOCKER_HOST, or the usual socket."""
    from tests.conftest import ENGINE_ADDRESS

    return ENGINE_ADDRESS or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


def _engine_answers() -> bool:
    import docker
    from docker.errors import DockerException

    try:
        client = docker.DockerClient(base_url=docker_address(), timeout=10)
    except DockerException:
        return False
    try:
        return bool(client.ping())
    except (DockerException, OSError):
        return False
    finally:
        client.close()


def _can_mount() -> bool:
    directory = tempfile.mkdtemp(prefix="backstay-mount-")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", directory], check=False, capture_output=True)
    if mounted.returncode == 0:
        subprocess.run(["umount", directory], check=True)
    Path(directory).rmdir()
    return mounted.returncode == 0


PARTS: dict[str, Callable[[], bool]] = {
    "engine": _engine_answers,
    "registry": lambda: shutil.which("docker-registry") is not None,
    "busybox": lambda: Path("/bin/busybox").exists(),
    "postgres": lambda: bool(postgres_program("initdb") and postgres_program("postgres")),
    "mounts": _can_mount,
    "second engine": lambda: os.geteuid() == 0 and all(shutil.which(one) for one in ("dockerd", "containerd", "ip")),
    "ssh server": lambda: shutil.which("sshd", path=SERVERS) is not None,
    "nginx": lambda: program("nginx") is not None,
    "caddy": lambda: program("caddy") is not None,
    "browser": lambda: shutil.which("chromium") is not None,
}


@contextmanager
def running(
    command: list[str],
    *,
    log: Path,
    ready: Callable[[], bool],
    within_s: float = 30,
    environment: Mapping[str, str] | None = None,
    stop_with: signal.Signals = signal.SIGTERM,
    **options: Any,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block is left, in a process group of its own, which is gone afterwards whatever happens.

    Enters the block when `ready` says so. Fails with the end of its log when it ends before, or takes too long.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=environment, start_new_session=True, **options
        )
    try:
        wait_until(
            lambda: process.poll() is not None or ready(),
            within_s,
            lambda: f"{command[0]} did not get ready: {log.read_text(errors='replace')[-2000:]}",
        )
        if process.poll() is not None:
            pytest.fail(f"{command[0]} ended: {log.read_text(errors='replace')[-2000:]}", pytrace=False)
        yield process
    finally:
        stop(process, stop_with)


def stop(process: subprocess.Popen[bytes], sign: signal.Signals = signal.SIGTERM, within_s: float = 15) -> None:
    """End a process that `running` started, and all of its group, the hard way when it takes too long."""
    with suppress(ProcessLookupError):
        os.kill(process.pid, sign)
    with suppress(subprocess.TimeoutExpired):
        process.wait(within_s)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_until(condition: Callable[[], bool], within_s: float, otherwise: str | Callable[[], str]) -> None:
    """Return as soon as the condition holds; fail with `otherwise` when it does not in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(otherwise if isinstance(otherwise, str) else otherwise(), pytrace=False)
        time.sleep(0.02)
