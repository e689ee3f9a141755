"""Other programs, really started: their output, their end, and the end of what they have started themselves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tasks.system.processes import Child, run, spawn, terminate

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
PATIENT = "import time; print('on', flush=True); time.sleep(60)"
PARENT = """
import os, sys, time
from tasks.system.processes import spawn
child = spawn([sys.executable, "-c", {code!r}], os.environ)
print(child.pid, next(child.lines()), flush=True)
time.sleep(60)
"""


def python(code: str) -> Child:
    """A child that runs this code and has begun to."""
    child = spawn([sys.executable, "-c", code], os.environ)
    assert next(child.lines()) == "on"
    return child


def is_gone(pid: int, within: float = 5.0) -> bool:
    """Whether no such process is left, zombies aside."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_a_program_answers_with_its_code_and_both_streams() -> None:
    done = run(["sh", "-c", "cat; echo bad >&2; exit 3"], 5, stdin=b"in")
    assert (done.code, done.stdout, done.stderr, done.timed_out) == (3, b"in", b"bad\n", False)


def test_an_argument_is_never_read_by_a_shell(tmp_path: Path) -> None:
    word = f"$(touch {tmp_path / 'made'}); `touch {tmp_path / 'made'}`"
    assert run(["echo", word], 5).stdout.decode() == f"{word}\n"
    assert not (tmp_path / "made").exists()


def test_the_environment_is_the_one_that_was_given() -> None:
    assert run(["env"], 5, env={"ONLY": "this"}).stdout == b"ONLY=this\n"


def test_a_program_that_is_not_there_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        run(["no-such-program"], 5)


def test_a_timeout_ends_the_program_and_what_it_has_started() -> None:
    began = time.monotonic()
    done = run(["sh", "-c", "sleep 60 & echo $!; wait"], 0.5)
    assert done.timed_out
    assert time.monotonic() - began < 5
    assert is_gone(int(done.stdout))


def test_a_child_that_obeys_is_asked_only() -> None:
    assert terminate(python(PATIENT), 5) == -signal.SIGTERM


def test_a_child_that_does_not_obey_is_killed_when_the_grace_is_over() -> None:
    assert terminate(python(STUBBORN), 0.3) == -signal.SIGKILL


def test_grace_can_be_cut_short() -> None:
    began = time.monotonic()
    assert terminate(python(STUBBORN), 30, hurry=lambda: True) == -signal.SIGKILL
    assert time.monotonic() - began < 5


def test_what_a_dead_child_leaves_behind_is_ended_too() -> None:
    child = spawn(["sh", "-c", "sleep 60 & echo $!"], os.environ)
    grandchild = int(next(child.lines()))
    child.wait(5)
    assert child.poll() == 0
    assert is_gone(grandchild)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_children_end_when_their_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT.format(code=PATIENT)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid, word = parent.stdout.readline().split()
    assert word == "on"
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert is_gone(int(pid))


def test_an_overlong_line_comes_in_pieces() -> None:
    child = spawn([sys.executable, "-c", "print('x' * 200_000)"], os.environ)
    pieces = list(child.lines())
    assert len(pieces) > 1
    assert "".join(pieces) == "x" * 200_000
