"""Removing a compose workload from the host: its containers, its networks, the file that ran. Its volumes stay.

Needs neither Docker Compose nor a stored file: it removes everything labelled with the workload.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from db.models import Workload
from tasks.compose import cli
from tasks.containers import converge, workload_networks
from tasks.context import Context
from tasks.docker.records import ContainerRecord


def remove(context: Context, workload: Workload, project: str) -> bool:
    """Remove it; return whether there was a container. Raises Failure when Docker fails."""
    records = converge.observe(context, workload.name)
    _stop_all(context, workload, records)
    done = bool(converge.restore(context, workload, records, None))
    workload_networks.forget_own(context, workload.name)
    cli.forget(context, project)
    return done


def _stop_all(context: Context, workload: Workload, records: Sequence[ContainerRecord]) -> None:
    """Stop all at once: in sequence, each that ignores the signal would add its whole timeout."""
    timeout = workload.spec.get("stop_timeout_s", converge.STOP_TIMEOUT_S)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda one: context.docker.containers.stop(one.id, timeout), records))
