"""Other programs: run one to its end, or keep one as a child. The only module that imports subprocess.

No shell, ever: a command is a list. Every program gets a process group of its own, so that its descendants end with it.
A child does not outlive the supervisor either: when that is killed, the kernel sends the child SIGTERM.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

LONGEST_LINE = 64 * 1024
_AFTER_KILL_S = 5.0
_LOOK_EACH_S = 0.5
# Requests SIGTERM at the death of the parent, then becomes the program. Costs 20 ms; a preexec_fn would cost nothing
# and can deadlock in a process with threads.
_LAUNCH = """
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 15)
    if os.getppid() != int(sys.argv[1]):
        os._exit(0)
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"{sys.argv[2]}: {error.strerror}")
"""


@dataclass(frozen=True)
class Finished:
    """The result of a program. `code` is negative when a signal ended it."""

    code: int
    stdout: bytes
    stderr: bytes
    timed_out: bool = False


def run(
    argv: Sequence[str],
    timeout: float,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: bytes = b"",
    meanwhile: Callable[[], None] | None = None,
    into: IO[bytes] | None = None,
    errors_into: IO[bytes] | None = None,
    pass_fds: Sequence[int] = (),
) -> Finished:
    """Run a program to its end, at most `timeout` seconds; then kill it and its descendants.

    `into` and `errors_into` are files for its output, which is else kept in memory. `env` replaces the environment;
    None passes ours on.
    `meanwhile` is called each half second; what it raises ends the program as well, and propagates. Raises OSError when
    the program does not exist.
    """
    process = subprocess.Popen(  # noqa: S603 - a list, no shell
        list(argv),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if into is None else into,
        stderr=subprocess.PIPE if errors_into is None else errors_into,
        pass_fds=pass_fds,
        env=None if env is None else dict(env),
        cwd=cwd,
        start_new_session=True,
    )
    try:
        ended = _communicate(process, stdin, timeout, meanwhile)
        if ended is not None:
            return Finished(process.returncode, ended[0] or b"", ended[1] or b"")
    finally:
        # Also for exceptions such as KeyboardInterrupt; poll() is None only while the pid is ours.
        if process.poll() is None:
            _kill_group(process.pid)
    stdout, stderr = _what_is_left(process)
    return Finished(process.returncode if process.returncode is not None else -signal.SIGKILL, stdout, stderr, True)


def _communicate(
    process: subprocess.Popen[bytes], stdin: bytes, timeout: float, meanwhile: Callable[[], None] | None
) -> tuple[bytes, bytes] | None:
    deadline = time.monotonic() + timeout
    given: bytes | None = stdin  # it may be passed only once
    while (left := deadline - time.monotonic()) > 0:
        try:
            return process.communicate(given, left if meanwhile is None else min(left, _LOOK_EACH_S))
        except subprocess.TimeoutExpired:
            given = None
        if meanwhile is not None:
            meanwhile()
    return None


def _what_is_left(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    try:
        return process.communicate(timeout=_AFTER_KILL_S)
    except subprocess.TimeoutExpired as expired:
        # A process that left the group holds the pipe. We do not wait for it.
        return expired.stdout or b"", expired.stderr or b""


class Child:
    """A program that keeps running, in a session of its own, its output (both streams in one) read line by line."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._lock = threading.Lock()
        self.pid = process.pid

    def poll(self) -> int | None:
        """Return its exit code, negative for a signal; None while it runs. Kills what remains of its group first."""
        with self._lock:
            if self._process.returncode is None and self._has_exited():
                _kill_group(self.pid)
                self._process.wait()
            return self._process.returncode

    def wait(self, timeout: float, hurry: Callable[[], bool] = lambda: False) -> int | None:
        """Wait at most `timeout` seconds for the exit code, and no longer once `hurry` returns True."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None and time.monotonic() < deadline and not hurry():
            time.sleep(0.02)
        return code

    def lines(self) -> Iterator[str]:
        """Yield its output until it closes it, line by line without the line end; overlong lines come in pieces."""
        assert self._process.stdout is not None  # noqa: S101
        with self._process.stdout as stream:
            while line := stream.readline(LONGEST_LINE):
                yield line.decode(errors="replace").rstrip("\r\n")

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the program itself, which knows best in what order its own children end."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the whole group."""
        if self.poll() is None:
            _kill_group(self.pid)
            self.wait(_AFTER_KILL_S)

    def _has_exited(self) -> bool:
        # WNOWAIT keeps the zombie: as long as it exists, its pid cannot be reused, and killing is safe.
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def spawn(
    argv: Sequence[str], env: Mapping[str, str], *, cwd: Path | None = None, pass_fds: Sequence[int] = ()
) -> Child:
    """Start a program that keeps running.

    Call it from a thread that lives as long as the child should: the kernel takes the end of the calling thread for the
    death of the parent. A missing program is reported in the output, and the child exits with code 1. Raises OSError
    when the system cannot create a process.
    """
    process = subprocess.Popen(  # noqa: S603 - a list, no shell
        [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(env),
        cwd=cwd,
        pass_fds=pass_fds,
        start_new_session=True,
    )
    return Child(process)


def terminate(child: Child, grace: float, hurry: Callable[[], bool] = lambda: False) -> int | None:
    """End a child: SIGTERM, up to `grace` seconds or until `hurry` returns True, then SIGKILL for its whole group.

    Returns its exit code.
    """
    child.ask_to_stop()
    if child.wait(grace, hurry) is None:
        child.kill()
    return child.poll()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # the group is empty
        os.killpg(pid, signal.SIGKILL)
