"""Whether a container was killed for its memory, according to the kernel's log.

Docker learns it from the container's cgroup, and misses it when the cgroup is gone before it has looked: on a busy
machine one kill in thirteen (docs/decisions/0017). The kernel logs each kill with the container's id.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from tasks.docker.records import ContainerRecord

LOG = Path("/dev/kmsg")
KILLED = 137
_RECORD = 8192  # bytes; the kernel refuses to give a part of one
# Programs cannot read the kernel's clock, which drifts from theirs: for a container that Docker restarted, an earlier
# kill this old may count.
_SLACK_S = 300


def completed(record: ContainerRecord, log: Path = LOG) -> ContainerRecord:
    """Return a container's record, `oom_killed` also if only the kernel says so."""
    killed = not record.running and record.exit_code == KILLED and not record.oom_killed
    if killed and ran_out(record.id, datetime.fromisoformat(record.started_at).timestamp(), log):
        return replace(record, oom_killed=True)
    return record


def ran_out(docker_id: str, since: float, log: Path = LOG) -> bool:
    """Return whether the kernel killed a process of the container for its memory after `since` (epoch seconds).

    False where the log cannot be read, and for containers of another machine.
    """
    ago_s = max(0.0, time.time() - since) + _SLACK_S
    return says_so(_records(log), docker_id, (time.monotonic() - ago_s) * 1e6)


def says_so(records: Iterable[bytes], docker_id: str, since_us: float) -> bool:
    """Return whether one of these records reports such a kill at or after a moment of the kernel's clock, in µs. Pure.

    A record is `priority,number,µs,flags;text`: see the kernel's Documentation/ABI/testing/dev-kmsg.
    """
    for record in records:
        head, _, text = record.partition(b";")
        if not text.startswith(b"oom-kill:") or docker_id.encode() not in text.partition(b"task_memcg=")[2]:
            continue
        moment = head.split(b",")[2:3]
        if moment and moment[0].isdigit() and int(moment[0]) >= since_us:
            return True
    return False


def _records(log: Path) -> Iterator[bytes]:
    try:
        there = os.open(log, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        while True:
            try:
                record = os.read(there, _RECORD)
            except BrokenPipeError:
                continue  # this one was overwritten; the next read continues with the oldest one left
            if not record:
                return
            yield record
    except OSError:
        return  # EAGAIN: that was the newest
    finally:
        os.close(there)
