"""The container of a release of a single-container workload, before it is created."""

from __future__ import annotations

from db.releases import Release
from tasks.containers import workload_networks
from tasks.context import Context
from tasks.docker.inits import brings_an_init
from tasks.docker.new_container import NewContainer
from tasks.docker.records import NetworkRecord
from tasks.labels import INSTALLATION, WORKLOAD, container_labels
from tasks.rollout.mounts import mounts_of
from tasks.sources.git import build_of


def container_of(
    context: Context,
    workload: str,
    version: int,
    image_id: str,
    release: Release,
    secrets: dict[str, str],
    network: NetworkRecord,
) -> NewContainer:
    """Return the container of a version, to be created. `secrets`: name -> value, of the release."""
    installation, resources = context.installation, release.get("resources", {})
    return NewContainer(
        name=f"{workload}-v{version}",
        other_name=f"{workload}-v{version}-{installation[:8]}",
        image_id=image_id,
        labels=container_labels(installation, workload, version),
        environment=release.get("env", {}) | _without_build_secrets(release, secrets),
        command=release.get("command"),
        ports=release["ports"],
        mounts=mounts_of(workload, release, context.settings),
        volume_labels={WORKLOAD: workload, INSTALLATION: installation},
        memory_mb=resources.get("memory_mb"),
        cpus=resources.get("cpus"),
        stop_timeout_s=release.get("stop_timeout_s", 10),
        init=_with_init(context, image_id, release),
        network=network.name,
        address=workload_networks.address_for(context, network, version),
        options=release,
    )


def _without_build_secrets(release: Release, secrets: dict[str, str]) -> dict[str, str]:
    """Return the secrets that the container gets: those that a build gets are for the build alone."""
    of_build = build_of(release["source"]).get("secrets", [])
    return {name: value for name, value in secrets.items() if name not in of_build}


def _with_init(context: Context, image_id: str, release: Release) -> bool:
    """Return whether Docker's init is process 1: what the release says, else unless the image brings one."""
    if (said := release.get("init")) is not None:
        return said
    image = context.docker.images.inspect(image_id)
    command = release.get("command") or (image.command if image else ())
    return image is None or not brings_an_init([*image.entrypoint, *command])
