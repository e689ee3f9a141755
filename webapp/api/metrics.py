"""Metrics for Prometheus, labelled by workload and never by container id, so that a deploy adds no new series.

Every value is read from the ledger at the scrape: the web process itself counts nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from flask import Blueprint, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from db import history, workloads
from db.connection import size_bytes
from db.health.codes import WorkloadStatus
from db.metrics import collectors, samples
from db.metrics.counters import BOUNDS, list_all
from db.models import Collector
from tasks.metrics.aggregate import per_owner_now
from webapp.api.system import services
from webapp.api.workloads import presents
from webapp.http.current import context
from webapp.presenters.top_consumers import NOW_S

blueprint = Blueprint("metrics", __name__)

Totals = dict[tuple[int, str, str], int]


@blueprint.get("/metrics")
def scrape() -> Response:
    """Answer in the text format of Prometheus."""
    registry = CollectorRegistry()
    registry.register(_Ledger())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Ledger:
    """See prometheus_client.registry.Collector."""

    def describe(self) -> list[Metric]:
        """Return nothing: the families depend on the ledger, which registration need not query."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield all families."""
        with context().database.reading() as session:
            there = workloads.every(session)
            names = {workload.id: workload.name for workload in there}
            now = presents(session)
            present = {one.name: now(one.id).standing(one).status for one in there}
            rows = samples.last_of_each(session, int(time.time()) - NOW_S)
            totals, live_rows = list_all(session), history.live_and_latest(session)[0]
            unfinished, reports = len(history.unfinished(session)), collectors.every(session)
            ledger_bytes = size_bytes(session)
        yield from _usage(names, rows)
        yield from _totals(names, totals)
        verified = GaugeMetricFamily(
            "backstay_live_verified", "1: what runs is what the live row pinned, 0: it is not.", labels=["workload"]
        )
        for owner_id, row in live_rows.items():
            verified.add_metric([names[owner_id]], float(bool(row.verified)))
        yield verified
        yield _statuses(present)
        yield GaugeMetricFamily("backstay_unfinished_deploys", "Deploys queued or running.", value=unfinished)
        newest = max((row[1] for row in rows), default=0)
        yield GaugeMetricFamily(
            "backstay_newest_sample_timestamp_seconds", "When a sample last came in; 0: not lately.", value=newest
        )
        yield GaugeMetricFamily("backstay_ledger_bytes", "The size of the ledger's database.", value=ledger_bytes)
        yield from _collectors(reports)
        up = GaugeMetricFamily("backstay_service_up", "1: it answers, 0: it does not.", labels=["service"])
        for service in services():
            up.add_metric([service.name], float(service.up))
        yield up


def _statuses(present: dict[str, WorkloadStatus]) -> Metric:
    """Return a series per workload and status, so that a change moves values and adds no series."""
    family = GaugeMetricFamily(
        "backstay_workload_status", "1: the status of the workload now, 0: it has another.", labels=["name", "status"]
    )
    for name, current in present.items():
        for status in WorkloadStatus:
            family.add_metric([name, status], float(status is current))
    return family


def _usage(names: dict[int, str], rows: list[tuple[object, ...]]) -> Iterator[Metric]:
    now = per_owner_now(rows)
    for key, name, words in (
        ("cpu_percent", "backstay_workload_cpu_percent", "CPU now, over all containers; 100 is one core."),
        ("memory_usage", "backstay_workload_memory_bytes", "Memory now, over all containers, without page cache."),
        (
            "memory_limit",
            "backstay_workload_memory_limit_bytes",
            "The largest limit of a container, if any.",
        ),
    ):
        family = GaugeMetricFamily(name, words, labels=["workload"])
        for owner_id, point in now.items():
            if owner_id in names and point[key] is not None:
                family.add_metric([names[owner_id]], point[key])
        yield family


def _collectors(reports: Sequence[Collector]) -> Iterator[Metric]:
    """Yield the state of collecting, by host."""
    gauges: dict[str, tuple[str, Callable[[Collector], float]]] = {
        "last_tick_timestamp_seconds": ("The newest sweep.", lambda one: one.ts),
        "sweep_seconds": ("What the newest sweep took to read.", lambda one: one.sweep_ms / 1000),
        "containers": ("Containers of the newest sweep.", lambda one: one.containers),
        "gaps": ("Containers that gave no reading in it.", lambda one: one.gaps),
    }
    counters: dict[str, tuple[str, Callable[[Collector], float]]] = {
        "ticks": ("Sweeps.", lambda one: one.ticks_total),
        "missed_ticks": ("Sweeps that were left out while the engine ran.", lambda one: one.missed_total),
        "samples": ("Samples that were stored.", lambda one: one.samples_total),
        "gaps": ("Readings that a container did not give.", lambda one: one.gaps_total),
        "sweep_seconds": ("What all sweeps took to read.", lambda one: one.sweep_ms_total / 1000),
        "cpu_seconds": ("CPU that collecting took, storing included.", lambda one: one.cpu_s_total),
    }
    for kind, families in ((GaugeMetricFamily, gauges), (CounterMetricFamily, counters)):
        for name, (words, value) in families.items():
            family = kind(f"backstay_collector_{name}", words, labels=["host"])
            for one in reports:
                family.add_metric([one.host], value(one))
            yield family


def _totals(names: dict[int, str], totals: Totals) -> Iterator[Metric]:
    for key, name, words, label in (
        ("deploys", "backstay_deploys", "Deploys that ended, by status.", "status"),
        ("exits", "backstay_container_exits", "Containers that ended, by cause.", "cause"),
        ("restarts", "backstay_container_restarts", "Containers that were started again, by cause.", "cause"),
        ("ooms", "backstay_container_oom_kills", "Kills for using too much memory.", ""),
    ):
        family = CounterMetricFamily(name, words, labels=["workload", label] if label else ["workload"])
        for (owner_id, of, value), total in totals.items():
            if of == key and owner_id in names:
                family.add_metric([names[owner_id], value] if label else [names[owner_id]], total)
        yield family
    durations = HistogramMetricFamily(
        "backstay_deploy_duration_seconds", "From the claim of a deploy to its end.", labels=["workload"]
    )
    for owner_id, name in names.items():
        if (owner_id, "deploy_ms", "") in totals:
            durations.add_metric([name], _buckets(owner_id, totals), totals[owner_id, "deploy_ms", ""] / 1000)
    yield durations


def _buckets(owner_id: int, totals: Totals) -> list[tuple[str, float]]:
    """Return cumulative buckets: each counts all values up to its bound."""
    found, total = [], 0
    for bound in BOUNDS:
        total += totals.get((owner_id, "deploy_bucket", bound), 0)
        found.append((bound, float(total)))
    return found
