"""The tools that people bring containers over from, recognised by their labels. Pure.

Their labels are bookkeeping: without the tool they mean nothing. Labels of reverse proxies are settings, since a proxy
reads them from whatever container has them, so they stay. What Coolify and the others put into the environment stays
too, because the program may read it. From the public documentation of each tool; see docs/adopting.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

SWARM = "com.docker.swarm."
COMPOSE = "com.docker.compose."


@dataclass(frozen=True)
class Platform:
    """A tool. `marks`: labels or prefixes of them, of which one is enough; `own`: all prefixes of its bookkeeping;
    `warning`: what it may do to a container that it believes to be its own."""

    name: str
    marks: tuple[str, ...]
    own: tuple[str, ...]
    warning: str


PLATFORMS = (
    Platform(
        "Coolify",
        ("coolify.managed", "coolify.applicationId", "coolify.serviceId", "coolify.type"),
        ("coolify.",),
        "delete it in Coolify without deleting its volumes before the first deploy: a redeploy there would start a "
        "second one",
    ),
    Platform(
        "Dokploy",
        ("com.dokploy.",),
        ("com.dokploy.", "dokploy."),
        "stop deploying it in Dokploy: a redeploy there would start a second one",
    ),
    Platform(
        "Portainer",
        ("io.portainer.",),
        ("io.portainer.",),
        "detach or delete the stack in Portainer after the first deploy: an update there would start a second one",
    ),
    Platform(
        "CapRover",
        ("captain.", "caprover."),
        ("captain.", "caprover."),
        "delete the app in CapRover without its volumes: Swarm starts another container when this one stops",
    ),
    Platform(
        "Kamal",
        (),
        ("service", "role", "destination"),
        "do not run `kamal deploy` any more: it would start a second one; kamal-proxy finds the app by its container",
    ),
)
# What tools write on every container of theirs.
BOOKKEEPING = (
    COMPOSE,
    SWARM,
    "com.docker.stack.",
    "com.docker.deploy-namespace",
    "desktop.docker.io/",
)
# Where a tool keeps the files of projects that it starts without labels of its own.
FOLDERS = {"/data/compose/": "Portainer", "/etc/dokploy/": "Dokploy", "/data/coolify/": "Coolify"}
KAMAL = ("service", "role", "destination")
_CAPROVER_SERVICE = re.compile(r"^srv-[a-z0-9]+--(.+)$")


def platform_of(labels: Mapping[str, str]) -> Platform | None:
    """Return the tool that started a container; None for `docker run`, Docker Compose and what is not known."""
    for one in PLATFORMS:
        if any(
            label == mark or (mark.endswith(".") and label.startswith(mark)) for mark in one.marks for label in labels
        ):
            return one
    by_name = {one.name: one for one in PLATFORMS}
    folder = labels.get(f"{COMPOSE}project.working_dir", "")
    if found := next((name for start, name in FOLDERS.items() if folder.startswith(start)), None):
        return by_name[found]
    swarm_service = labels.get(f"{SWARM}service.name", "")
    if _CAPROVER_SERVICE.match(swarm_service):
        return by_name["CapRover"]
    # Kamal has no prefix: its three labels together are its mark; `destination` may be empty.
    return by_name["Kamal"] if set(KAMAL) <= labels.keys() else None


def is_bookkeeping(label: str, platform: Platform | None) -> bool:
    """Return whether a label means nothing without the tool that wrote it."""
    own = platform.own if platform else ()
    exact = [one for one in own if not one.endswith(".")]
    return label in exact or label.startswith((*BOOKKEEPING, *(one for one in own if one.endswith("."))))


def swarm_service(labels: Mapping[str, str]) -> str:
    """Return the Swarm service that a container is a task of; empty for others."""
    return labels.get(f"{SWARM}service.name", "") if f"{SWARM}task.id" in labels else ""


def name_from(labels: Mapping[str, str], container: str) -> str:
    """Return the name for the workload: what the tool calls the app, else the container's, as a name may be written."""
    platform = platform_of(labels)
    told = ""
    if platform is not None and platform.name == "Coolify":
        told = labels.get("coolify.resourceName") or labels.get("coolify.name", "")
    elif platform is not None and platform.name == "Kamal":
        parts = [labels["service"], labels["role"] if labels["role"] != "web" else "", labels["destination"]]
        told = "-".join(filter(None, parts))
    service = swarm_service(labels)
    if not told and service:
        found = _CAPROVER_SERVICE.match(service)
        told = found[1] if found else service
    return as_name(told or container)


def as_name(text: str) -> str:
    """Return a text as the name of a workload: lower case letters, digits and single dashes, at most 40."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-") or "adopted"
