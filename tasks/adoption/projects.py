"""Reading a compose project that others started. Changes nothing."""

from __future__ import annotations

import os

from db.messages.refusals import RefusalCode
from db.releases import ComposePin, ServicePin
from tasks.adoption.container import image_of
from tasks.adoption.inspected import Inspected
from tasks.adoption.look import Adoptable, CannotAdopt, inspected, pin_of
from tasks.adoption.notes import lost_keys
from tasks.adoption.platforms import COMPOSE
from tasks.adoption.project import map_project, service_of
from tasks.compose.policy import DOCKER_SOCKETS, Host
from tasks.context import Context


def project(context: Context, name: str, workload: str = "") -> Adoptable:
    """Read a running project. Raises CannotAdopt, Failure."""
    found = _containers(context, name)
    if not any(one.raw["State"].get("Running") for one in found) or not all(_is_well(one) for one in found):
        raise CannotAdopt(RefusalCode.NOT_RUNNING)
    if not all(image_of(one) for one in found):
        raise CannotAdopt(RefusalCode.IMAGE_WITHOUT_NAME)
    host = _host(context)
    own = [host.real(one) for one in host.own]

    def is_mountable(path: str) -> bool:
        return not any(os.path.commonpath([host.real(path), one]) in {one, host.real(path)} for one in own)

    mapped = map_project(found, name, workload, is_mountable, host)
    services = {service_of(one): _service_pin(one) for one in reversed(found)}
    pin: ComposePin = {"kind": "compose", "services": services, "not_carried": lost_keys(mapped.notes)}
    return Adoptable(mapped, "compose", pin, [(str(one.raw["Id"]), service_of(one), one.name) for one in found])


def _containers(context: Context, name: str) -> list[Inspected]:
    """Return the containers of a project, by name, without those of `docker compose run`."""
    labels = {one.id: one.labels for one in context.docker.containers.list_all()}
    wanted = [
        id_
        for id_, of_it in labels.items()
        if of_it.get(f"{COMPOSE}project") == name
        and of_it.get(f"{COMPOSE}service")
        and of_it.get(f"{COMPOSE}oneoff", "False").lower() != "true"
    ]
    raws = [raw for id_ in wanted if (raw := context.docker.containers.describe(id_)) is not None]
    if not raws:
        raise CannotAdopt(RefusalCode.NO_SUCH_PROJECT)
    return sorted((inspected(context, raw) for raw in raws), key=lambda one: one.name)


def _is_well(one: Inspected) -> bool:
    """Return whether it runs, or is a job that has ended well."""
    state = one.raw["State"]
    return bool(state.get("Running") and not state.get("Paused")) or (
        state.get("Status") == "exited" and state.get("ExitCode") == 0
    )


def _service_pin(one: Inspected) -> ServicePin:
    pin = pin_of(one)
    return {
        "image": pin["image"],
        "repository": pin["repository"],
        "digest": pin["digest"],
        "image_id": pin["image_id"],
    }


def _host(context: Context) -> Host:
    settings, address = context.settings, context.settings.engine_address
    sockets = {*DOCKER_SOCKETS, *([address.removeprefix("unix://")] if address.startswith("unix://") else [])}
    return Host(None, sockets, os.path.realpath, [str(one) for one in (settings.home, settings.files, settings.work)])
