"""The values in a raw reading of a container, from the Engine API or cgroup files, and the CPU between two. Pure.

Reads nothing by itself: tasks.metrics.cgroups reads the files, tasks.docker.client calls the API.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = "0001-01-01"


# Between these ages a container's lifetime average describes its recent past.
YOUNGEST_S, OLDEST_S = 1.0, 90.0


@dataclass(frozen=True)
class Counters:
    """One reading. Sizes in bytes; network and block count up since the container started, None when unknown.

    `at` and `cpu_total_ns` are nanoseconds; `at` belongs to `clock`: this host's monotonic one, or the wall clock of
    the Docker daemon. `memory_usage` is without the page cache; `memory_limit` None means no limit.
    """

    at: int
    clock: Literal["monotonic", "daemon"]
    cpu_total_ns: int
    memory_usage: int
    memory_limit: int | None
    network_rx: int | None = None
    network_tx: int | None = None
    block_read: int | None = None
    block_write: int | None = None


@dataclass(frozen=True)
class Texts:
    """The contents of the cgroup files of one container.

    v1: cpuacct.usage, memory.usage_in_bytes, memory.stat, memory.limit_in_bytes,
    blkio.throttle.io_service_bytes_recursive. v2: cpu.stat, memory.current, memory.stat, memory.max, io.stat. Both:
    /proc/<pid>/net/dev. `block` and `network` are None when the file is not there or not this container's own.
    """

    cpu: str
    memory_usage: str
    memory_stat: str
    memory_limit: str
    block: str | None
    network: str | None


def cpu_percent(before: Counters | None, after: Counters) -> float | None:
    """Return the CPU used between two readings; 100 is one core.

    None when it is unknown: no earlier reading, one of another clock, no time between them, or a counter that went back
    because the container was restarted.
    """
    if before is None or before.clock != after.clock:
        return None
    elapsed, used = after.at - before.at, after.cpu_total_ns - before.cpu_total_ns
    return used / elapsed * 100 if elapsed > 0 and used >= 0 else None


def cpu_since_start(reading: Counters, age_s: float) -> float | None:
    """Return the CPU of a container that was started `age_s` seconds ago, averaged over its life; 100 is one core.

    For its first reading, so that a new version shows from its first tick. None for one that is too old for the average
    to describe the present, or too young for it to mean anything.
    """
    return reading.cpu_total_ns / (age_s * 1e9) * 100 if YOUNGEST_S <= age_s <= OLDEST_S else None


def from_api(raw: dict[str, Any], host_memory: int) -> Counters | None:
    """Return the counters in the JSON of GET /containers/{id}/stats, on cgroup v1 and v2 hosts alike.

    `host_memory` is the RAM of the Docker host in bytes, which the Engine shows as limit when there is none. None for a
    stopped container, which answers 200 with the year 1 and empty numbers, and for JSON of another shape.
    """
    if str(raw.get("read", NEVER)).startswith(NEVER):
        return None
    try:
        return _of_running(raw, host_memory)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None  # another format, or an engine without a memory controller: better no reading than a guess


def _of_running(raw: dict[str, Any], host_memory: int) -> Counters:
    memory = raw["memory_stats"]
    detail = memory["stats"]
    prefix = "total_" if "total_inactive_file" in detail else ""  # v1, v2
    cache = int(detail[f"{prefix}inactive_file"]) + int(detail[f"{prefix}active_file"])
    # The Engine omits, nulls or empties these two, depending on its version.
    interfaces = (raw.get("networks") or {}).values()
    blocks = (raw.get("blkio_stats") or {}).get("io_service_bytes_recursive") or []
    return Counters(
        at=_epoch_ns(raw["read"]),
        clock="daemon",
        cpu_total_ns=int(raw["cpu_stats"]["cpu_usage"]["total_usage"]),
        memory_usage=_without_cache(int(memory["usage"]), cache),
        memory_limit=_limit(memory.get("limit"), host_memory),
        network_rx=_sum(int(interface["rx_bytes"]) for interface in interfaces),
        network_tx=_sum(int(interface["tx_bytes"]) for interface in interfaces),
        # "Read" on v1, "read" on v2.
        block_read=_sum(int(block["value"]) for block in blocks if block["op"].lower() == "read"),
        block_write=_sum(int(block["value"]) for block in blocks if block["op"].lower() == "write"),
    )


def from_v1(texts: Texts, at: int, host_memory: int) -> Counters:
    """Return counters of cgroup v1 files read at the monotonic time `at` (ns). Raises ValueError for other texts."""
    block = [line.split() for line in (texts.block or "").splitlines()]
    return _from_files(
        texts,
        at,
        host_memory,
        cpu_total_ns=int(texts.cpu),
        # total_ counts the cgroups below as well, as the usage does; without it a nested one would be missed.
        cache=_named(texts.memory_stat, "total_inactive_file") + _named(texts.memory_stat, "total_active_file"),
        block_read=_sum(int(words[2]) for words in block if len(words) == 3 and words[1] == "Read"),
        block_write=_sum(int(words[2]) for words in block if len(words) == 3 and words[1] == "Write"),
    )


def from_v2(texts: Texts, at: int, host_memory: int) -> Counters:
    """Return counters of cgroup v2 files read at the monotonic time `at` (ns). Raises ValueError for other texts."""
    block = [word.partition("=") for word in (texts.block or "").split()]
    return _from_files(
        texts,
        at,
        host_memory,
        cpu_total_ns=_named(texts.cpu, "usage_usec") * 1000,
        cache=_named(texts.memory_stat, "inactive_file") + _named(texts.memory_stat, "active_file"),
        block_read=_sum(int(value) for key, _, value in block if key == "rbytes"),
        block_write=_sum(int(value) for key, _, value in block if key == "wbytes"),
    )


def _from_files(
    texts: Texts,
    at: int,
    host_memory: int,
    *,
    cpu_total_ns: int,
    cache: int,
    block_read: int | None,
    block_write: int | None,
) -> Counters:
    limit = texts.memory_limit.strip()
    received, sent = _network(texts.network)
    return Counters(
        at=at,
        clock="monotonic",
        cpu_total_ns=cpu_total_ns,
        memory_usage=_without_cache(int(texts.memory_usage), cache),
        memory_limit=None if limit == "max" else _limit(int(limit), host_memory),
        network_rx=received,
        network_tx=sent,
        block_read=block_read,
        block_write=block_write,
    )


def _network(text: str | None) -> tuple[int | None, int | None]:
    # Two header lines, then "eth0: <8 numbers received> <8 numbers sent>"; a long name touches its first number.
    lines = [line.partition(":") for line in (text or "").splitlines()[2:]]
    # The loopback is left out, as Docker does: a container without a network then has no numbers, not zeros.
    columns = [numbers.split() for name, _, numbers in lines if name.strip() != "lo"]
    return _sum(int(words[0]) for words in columns), _sum(int(words[8]) for words in columns)


def _named(text: str, name: str) -> int:
    _, found, rest = f"\n{text}".partition(f"\n{name} ")
    if not found:
        raise ValueError(f"no {name} in the file")
    return int(rest[: rest.find("\n")] if "\n" in rest else rest)


def _without_cache(usage: int, cache: int) -> int:
    # Both lists of the page cache, though `docker stats` keeps the active one in: the kernel reclaims it as needed, and
    # a container that reads the same files again and again would look as if it leaked. Memory in /dev/shm is on
    # neither.
    return usage - cache if cache < usage else usage


def _limit(limit: int | None, host_memory: int) -> int | None:
    # "No limit" is the RAM of the host in the API and 2^63 less a page in a v1 file. 0 is no limit either.
    return limit if limit and limit < host_memory else None


def _sum(values: Iterable[int]) -> int | None:
    numbers = list(values)
    return sum(numbers) if numbers else None


def _epoch_ns(moment: str) -> int:
    since = datetime.fromisoformat(moment) - EPOCH
    return (since.days * 86400 + since.seconds) * 10**9 + since.microseconds * 1000
