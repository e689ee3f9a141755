"""Prometheus from Debian, loaded with the series of the benchmark and asked over HTTP, as a dashboard would."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from flows.supervisor.programs import answers
from tests.bench.asker import Asker
from tests.bench.series import LIMIT, PER_DAY, Fleet, a_day, index_in_day, moments
from tests.real_parts import free_port, running

# What Prometheus itself compacts 30 days into at most: a tenth of the retention, in its own ladder of block lengths.
BLOCK_S = 54 * 3600
QUERIES = (
    'sum(bench_cpu_percent{{workload="{0}"}})',
    'sum(bench_memory_bytes{{workload="{0}"}})',
    'max(bench_memory_limit_bytes{{workload="{0}"}})',
)
METRICS = ("bench_cpu_percent", "bench_memory_bytes", "bench_memory_limit_bytes")


def load(directory: Path, fleet: Fleet, since: int, until: int) -> None:
    """Fill `directory` with blocks of the series. One text file a block, gone as soon as it was read."""
    directory.mkdir()
    starts = range(since // BLOCK_S * BLOCK_S, until, BLOCK_S)
    spans = [(max(since, start), min(until, start + BLOCK_S)) for start in starts]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda span: _load_block(directory, fleet, *span), spans))


def _load_block(directory: Path, fleet: Fleet, since: int, until: int) -> None:
    text = directory / f"{since}.om"
    _write_openmetrics(text, fleet, since, until)
    command = ["promtool", "tsdb", "create-blocks-from", "--max-block-duration=54h", "--quiet", "openmetrics"]
    try:
        subprocess.run([*command, str(text), str(directory)], check=True, capture_output=True)
    finally:
        text.unlink()


def _write_openmetrics(path: Path, fleet: Fleet, since: int, until: int) -> None:
    ticks = moments(since, until)
    stamps = [f" {ts}\n" for ts in ticks]
    where = [index_in_day(ts) for ts in ticks]
    days = {
        (workload, container): [
            [f"{value:g}" if name == "cpu" else str(value) for value in values]
            for name, values in zip(("cpu", "memory"), _with_plain_numbers(container), strict=True)
        ]
        + [[str(LIMIT)] * PER_DAY]
        for workload in range(1, fleet.workloads + 1)
        for container in fleet.containers(workload)
    }
    with path.open("w") as file:
        for number, metric in enumerate(METRICS):
            file.write(f"# TYPE {metric} gauge\n")
            for (workload, container), values in days.items():
                series, day = f'{metric}{{workload="{workload}",container="{container}"}} ', values[number]
                file.writelines([series + day[at] + stamp for at, stamp in zip(where, stamps, strict=True)])
        file.write("# EOF\n")


def _with_plain_numbers(container: int) -> tuple[list[float], list[int]]:
    cpu, memory = a_day(container)
    return cpu.tolist(), memory.tolist()


@contextmanager
def serving(directory: Path) -> Iterator[Asker]:
    """A running Prometheus over the blocks, scraping nothing; a client of it."""
    port = free_port()
    config = directory / "prometheus.yml"
    config.write_text("global: {}\n")
    program = shutil.which("prometheus")
    if program is None:
        raise SystemExit("prometheus is missing: `.ci/ensure-system --bench` brings it")
    command = [program, f"--config.file={config}", f"--storage.tsdb.path={directory}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=90d", "--log.level=error"]
    with running(command, log=directory / "log", ready=lambda: answers("127.0.0.1", port, "/-/ready"), within_s=60):
        asker = Asker(port)
        yield asker
        asker.close()


def ask(asker: Asker, workload: int, since: int, until: int, step: int) -> list[bytes]:
    """The three series of a workload over a span, as JSON."""
    return [
        asker.get(
            "/api/v1/query_range?"
            + urlencode({"query": query.format(workload), "start": since, "end": until, "step": step})
        )
        for query in QUERIES
    ]


def points(answer: bytes) -> int:
    """How many points a series has."""
    (series,) = json.loads(answer)["data"]["result"]
    return len(series["values"])


def disk(directory: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
