"""Removing a compose workload from the host: its containers, its networks, the file that ran. Its volumes stay.

Needs no Docker Compose and no stored file: what is labelled with the workload goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from db.models import Workload
from tasks.compose import cli
from tasks.containers import converge
from tasks.context import Context
from tasks.docker.records import ContainerRecord
from tasks.failures import Failure
from tasks.labels import INSTALLATION, WORKLOAD


def remove(context: Context, workload: Workload, project: str) -> bool:
    """Answers whether there was a container. Raises Failure when Docker does not do it."""
    _stop_all(context, workload, converge.observe(context, workload.name))
    done = bool(converge.restore(context, workload, None))
    _remove_networks(context, workload.name)
    cli.forget(context, project)
    return done


def _stop_all(context: Context, workload: Workload, records: Sequence[ContainerRecord]) -> None:
    """All at once: one after the other, each that ignores the signal would cost the whole time."""
    timeout = workload.spec.get("stop_timeout_s", converge.STOP_TIMEOUT_S)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda one: context.docker.stop(one.id, timeout), records))


def _remove_networks(context: Context, workload: str) -> None:
    labels = [f"{INSTALLATION}={context.installation}", f"{WORKLOAD}={workload}"]
    for one in context.docker.ask("list networks", lambda api: api.networks(filters={"label": labels})):
        try:
            context.docker.ask("remove network", partial(_remove_network, network_id=str(one["Id"])))
        except Failure as failure:
            if failure.kind != "NotFound":  # whoever removes a workload and the engine's reconcile may both be at it
                raise


def _remove_network(api: Any, network_id: str) -> None:
    api.remove_network(network_id)
