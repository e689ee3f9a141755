"""What a raw reading says: captured answers of an Engine 20.10 on cgroup v1 and of one on v2, and captured files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.metrics.readings import Counters, Texts, cpu_percent, cpu_since_start, from_api, from_v1, from_v2

RAM = 25276510208
MIB = 1024 * 1024

# Shortened in places that are not read.
API_V1: dict[str, Any] = {
    "read": "2026-11-23T20:50:23.027219577Z",
    "blkio_stats": {
        "io_service_bytes_recursive": [
            {"major": 254, "minor": 0, "op": "Read", "value": 4096},
            {"major": 254, "minor": 0, "op": "Write", "value": 8192},
            {"major": 254, "minor": 16, "op": "Read", "value": 1},
            {"major": 254, "minor": 0, "op": "Total", "value": 12288},
        ]
    },
    "cpu_stats": {"cpu_usage": {"total_usage": 2089424733, "percpu_usage": [13690981, 2075733752]}},
    "memory_stats": {
        "usage": 10985472,
        "stats": {
            "cache": 10178560,
            "inactive_file": 1,
            "active_file": 1,
            "total_inactive_file": 9777152,
            "total_active_file": 401408,
        },
        "limit": 67108864,
    },
    "networks": {"eth0": {"rx_bytes": 1042, "tx_bytes": 70}, "eth1": {"rx_bytes": 8, "tx_bytes": 0}},
}
API_V2: dict[str, Any] = {
    "read": "2026-11-23T20:50:23.5Z",
    "blkio_stats": {
        "io_service_bytes_recursive": [
            {"major": 259, "minor": 0, "op": "read", "value": 3350528},
            {"major": 259, "minor": 0, "op": "write", "value": 45056},
        ]
    },
    "cpu_stats": {"cpu_usage": {"total_usage": 48716000}, "online_cpus": 8},
    "memory_stats": {
        "usage": 7913472,
        "stats": {"anon": 2879488, "inactive_file": 3350528, "active_file": 1232896},
        "limit": RAM,
    },
    "networks": {"eth0": {"rx_bytes": 1296, "tx_bytes": 126}},
}
# What Engine 20.10 answers, with 200, for a container that does not run.
API_STOPPED: dict[str, Any] = {
    "read": "0001-01-01T00:00:00Z",
    "blkio_stats": {"io_service_bytes_recursive": None},
    "cpu_stats": {"cpu_usage": {"total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0}},
    "memory_stats": {},
}

NET_DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     500       5    0    0    0     0          0         0      500       5    0    0    0     0       0          0
  eth0:    1042      11    0    0    0     0          0         0       70       1    0    0    0     0       0          0
"""  # noqa: E501
V1 = Texts(
    cpu="2046621966\n",
    memory_usage="10985472\n",
    memory_stat=(
        "cache 10178560\ninactive_file 1\nactive_file 1\nhierarchical_memory_limit 67108864\n"
        "total_inactive_file 9777152\ntotal_active_file 401408\n"
    ),
    memory_limit="67108864\n",
    block="254:0 Read 4096\n254:0 Write 8192\n254:0 Sync 0\n254:0 Total 12288\n254:16 Read 1\nTotal 12289\n",
    network=NET_DEV,
)
V2 = Texts(
    cpu="usage_usec 217071490\nuser_usec 174423683\nsystem_usec 42647806\nnr_periods 0\n",
    memory_usage="7913472\n",
    memory_stat="anon 2879488\nfile 4583424\ninactive_file 3350528\nactive_file 1232896\n",
    memory_limit="max\n",
    block="259:0 rbytes=3350528 wbytes=45056 rios=64 wios=3 dbytes=0 dios=0\n8:0 rbytes=1 wbytes=0 rios=1 wios=0\n",
    network=NET_DEV,
)


def counters(at_s: float, cpu_s: float) -> Counters:
    """A reading of which only the moment and the CPU matter."""
    return Counters(round(at_s * 1e9), "monotonic", round(cpu_s * 1e9), memory_usage=0, memory_limit=None)


def test_the_api_of_a_v1_host() -> None:
    reading = from_api(API_V1, RAM)
    assert reading == Counters(
        at=1795467023_027219000,
        clock="daemon",
        cpu_total_ns=2089424733,
        memory_usage=10985472 - 9777152 - 401408,
        memory_limit=64 * MIB,
        network_rx=1050,
        network_tx=70,
        block_read=4097,
        block_write=8192,
    )


def test_the_api_of_a_v2_host() -> None:
    reading = from_api(API_V2, RAM)
    assert reading == Counters(
        at=1795467023_500000000,
        clock="daemon",
        cpu_total_ns=48716000,
        memory_usage=7913472 - 3350528 - 1232896,
        memory_limit=None,
        network_rx=1296,
        network_tx=126,
        block_read=3350528,
        block_write=45056,
    )


def test_a_stopped_container_gives_no_reading() -> None:
    assert from_api(API_STOPPED, RAM) is None


@pytest.mark.parametrize("key", ["read", "cpu_stats", "memory_stats"])
@pytest.mark.parametrize("value", [None, {}, "surprise", 7])
def test_json_of_another_shape_gives_no_reading(key: str, value: Any) -> None:
    assert from_api(API_V1 | {key: value}, RAM) is None


@pytest.mark.parametrize("absent", [{}, {"networks": None}, {"networks": {}}])
def test_an_absent_network_is_unknown_and_not_zero(absent: dict[str, Any]) -> None:
    raw = {key: value for key, value in API_V1.items() if key != "networks"} | absent
    reading = from_api(raw, RAM)
    assert reading is not None
    assert (reading.network_rx, reading.network_tx) == (None, None)
    assert reading.block_read == 4097


@pytest.mark.parametrize("absent", [None, {}, {"io_service_bytes_recursive": None}, {"io_service_bytes_recursive": []}])
def test_absent_block_counters_are_unknown_and_not_zero(absent: dict[str, Any] | None) -> None:
    raw = API_V1 | {"blkio_stats": absent}
    reading = from_api(raw, RAM)
    assert reading is not None
    assert (reading.block_read, reading.block_write) == (None, None)
    assert reading.network_rx == 1050


@pytest.mark.parametrize(
    ("limit", "shown"),
    [(64 * MIB, 64 * MIB), (RAM - 1, RAM - 1), (RAM, None), (RAM + 1, None), (9223372036854771712, None), (0, None)],
)
def test_a_limit_that_holds_nothing_back_is_no_limit(limit: int, shown: int | None) -> None:
    from_engine = from_api(API_V1 | {"memory_stats": API_V1["memory_stats"] | {"limit": limit}}, RAM)
    assert from_engine is not None
    assert from_engine.memory_limit == shown
    assert from_v1(replace(V1, memory_limit=f"{limit}\n"), 0, RAM).memory_limit == shown
    assert from_v2(replace(V2, memory_limit=f"{limit}\n"), 0, RAM).memory_limit == shown


def test_an_api_without_a_limit_has_no_limit() -> None:
    memory = {key: value for key, value in API_V1["memory_stats"].items() if key != "limit"}
    reading = from_api(API_V1 | {"memory_stats": memory}, RAM)
    assert reading is not None
    assert reading.memory_limit is None


def test_cache_larger_than_the_usage_is_not_taken_off() -> None:
    assert from_v1(replace(V1, memory_usage="10178560"), 0, RAM).memory_usage == 10178560
    assert from_v1(replace(V1, memory_usage="10178561"), 0, RAM).memory_usage == 1
    memory = API_V1["memory_stats"] | {"usage": 10178559}
    reading = from_api(API_V1 | {"memory_stats": memory}, RAM)
    assert reading is not None
    assert reading.memory_usage == 10178559


def test_the_files_of_a_v1_host() -> None:
    assert from_v1(V1, 5, RAM) == Counters(
        at=5,
        clock="monotonic",
        cpu_total_ns=2046621966,
        memory_usage=10985472 - 9777152 - 401408,
        memory_limit=64 * MIB,
        network_rx=1042,
        network_tx=70,
        block_read=4097,
        block_write=8192,
    )


def test_the_files_of_a_v2_host() -> None:
    assert from_v2(V2, 5, RAM) == Counters(
        at=5,
        clock="monotonic",
        cpu_total_ns=217071490_000,
        memory_usage=7913472 - 3350528 - 1232896,
        memory_limit=None,
        network_rx=1042,
        network_tx=70,
        block_read=3350529,
        block_write=45056,
    )


@pytest.mark.parametrize("network", [None, "", "\n".join(NET_DEV.splitlines()[:3])])
@pytest.mark.parametrize("block", [None, "", "Total 0\n"])
def test_files_without_network_or_block_leave_them_unknown(network: str | None, block: str | None) -> None:
    for reading in (
        from_v1(replace(V1, network=network, block=block), 0, RAM),
        from_v2(replace(V2, network=network, block=block), 0, RAM),
    ):
        assert (reading.network_rx, reading.network_tx) == (None, None)
        assert (reading.block_read, reading.block_write) == (None, None)


def test_a_long_interface_name_that_touches_its_numbers_is_read() -> None:
    text = NET_DEV.replace("  eth0:    1042", "enp0s31f6.100:1042")
    assert from_v1(replace(V1, network=text), 0, RAM).network_rx == 1042


@pytest.mark.parametrize("field", ["cpu", "memory_usage", "memory_stat", "memory_limit"])
@pytest.mark.parametrize("text", ["", "surprise\n"])
def test_a_file_of_another_form_is_refused(field: str, text: str) -> None:
    with pytest.raises(ValueError):
        from_v1(replace(V1, **{field: text}), 0, RAM)
    with pytest.raises(ValueError):
        from_v2(replace(V2, **{field: text}), 0, RAM)


@pytest.mark.parametrize(
    ("before", "after", "percent"),
    [
        (counters(10, 1), counters(25, 16), 100.0),
        (counters(10, 1), counters(25, 8.5), 50.0),
        (counters(10, 1), counters(25, 31), 200.0),
        (counters(10, 1), counters(25, 1), 0.0),
        (None, counters(25, 1), None),
        (counters(10, 1), counters(10, 2), None),
        (counters(10, 1), counters(9, 2), None),
        (counters(10, 7), counters(25, 0.1), None),
        (replace(counters(10, 1), clock="daemon"), counters(25, 2), None),
    ],
    ids=[
        "one core", "half a core", "two cores", "idle", "first reading", "no time passed", "clock went back",
        "restarted", "another clock",
    ],
)  # fmt: skip
def test_cpu_between_two_readings(before: Counters | None, after: Counters, percent: float | None) -> None:
    assert cpu_percent(before, after) == percent


@given(st.integers(0, 2**62), st.integers(0, 2**62), st.integers(0, 2**62), st.integers(0, 2**62))
def test_cpu_is_never_negative_and_never_divides_by_zero(at: int, cpu: int, later_at: int, later_cpu: int) -> None:
    before = Counters(at, "monotonic", cpu, 0, None)
    percent = cpu_percent(before, Counters(later_at, "monotonic", later_cpu, 0, None))
    assert (percent is None) == (later_at <= at or later_cpu < cpu)
    assert percent is None or percent >= 0


@pytest.mark.parametrize(("age_s", "percent"), [(0.2, None), (2.0, 50.0), (10.0, 10.0), (3600.0, None)])
def test_a_young_container_shows_the_cpu_of_its_life(age_s: float, percent: float | None) -> None:
    reading = Counters(5, "monotonic", 1_000_000_000, memory_usage=1, memory_limit=None)
    assert cpu_since_start(reading, age_s) == percent
