"""A program that reads what strangers wrote: run with limits that the kernel keeps.

RLIMIT_DATA, and not RLIMIT_AS: Go reserves more than a gigabyte of addresses before its first line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from tasks.system import processes

# Sets the limits, then becomes the program: no moment without them, and no preexec_fn, which can deadlock in a process
# with threads.
_LAUNCH = """
import os, resource, sys
for which, most in zip((resource.RLIMIT_DATA, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE), map(int, sys.argv[1:4])):
    hard = resource.getrlimit(which)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (most, most))
try:
    os.execv(sys.argv[4], sys.argv[4:])
except OSError:
    os._exit(127)
"""
_NOT_THERE = 127


@dataclass(frozen=True)
class Limits:
    """What a program may use: bytes of memory that it writes to, seconds of a processor, bytes of either output."""

    data_bytes: int
    cpu_s: int
    output_bytes: int


@dataclass(frozen=True)
class Ended:
    """The result of a program. `is_cut`: its output reached the limit."""

    finished: processes.Finished
    is_cut: bool


def run(
    argv: Sequence[str],
    timeout: float,
    limits: Limits,
    *,
    env: Mapping[str, str],
    cwd: Path,
    stdin: bytes = b"",
    pass_fds: Sequence[int] = (),
) -> Ended:
    """Run a program, by its absolute path, to its end; see processes.run. Its output is kept in memory.

    Raises OSError when the program does not exist.
    """
    most = (str(one) for one in (limits.data_bytes, limits.cpu_s, limits.output_bytes))
    whole = [sys.executable, "-I", "-S", "-c", _LAUNCH, *most, *argv]
    with _in_memory() as output, _in_memory() as errors:
        done = processes.run(
            whole, timeout, env=env, cwd=cwd, stdin=stdin, into=output, errors_into=errors, pass_fds=pass_fds
        )
        if done.code == _NOT_THERE:
            raise FileNotFoundError(argv[0])
        stdout, stderr = _content(output), _content(errors)
    is_cut = max(len(stdout), len(stderr)) >= limits.output_bytes
    return Ended(replace(done, stdout=stdout, stderr=stderr), is_cut)


@contextmanager
def _in_memory() -> Iterator[IO[bytes]]:
    with os.fdopen(os.memfd_create("output", os.MFD_CLOEXEC), "w+b", buffering=0) as file:
        yield file


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
