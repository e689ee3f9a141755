"""The mounts of a release as the Engine gets them; directories of the host only after their links were followed.

The rule for directories is that of compose files (tasks.compose.policy), but Docker's socket and the directories of
Backstay are never mounted: with either, a container could act as the administrator of the host.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from pathlib import PurePosixPath

from db.releases import Release, Volume
from db.settings import Settings
from db.states import ErrorCode
from tasks.compose.policy import DOCKER_SOCKETS, Host, host_path_is_fine
from tasks.docker.new_container import Mount
from tasks.failures import Failure


def mounts_of(workload: str, release: Release, settings: Settings) -> list[Mount]:
    """Return the mounts of a release. Raises Failure(mount_not_allowed)."""
    address = settings.engine_address
    sockets = {*DOCKER_SOCKETS, *([address.removeprefix("unix://")] if address.startswith("unix://") else [])}
    for volume in release["volumes"]:
        path = volume.get("host_path")
        if path is not None and not may_mount(path, release.get("allow", []), sockets, [str(settings.home)]):
            raise Failure(ErrorCode.MOUNT_NOT_ALLOWED, "host_path")
    return [_mount(workload, volume) for volume in release["volumes"]]


def missing(release: Release) -> list[tuple[str, str]]:
    """Return (key, path) of the directories of the host that a release mounts and that are not there."""
    given = [(f"volumes.{at}.host_path", volume.get("host_path")) for at, volume in enumerate(release["volumes"])]
    return [(key, path) for key, path in given if path is not None and not os.path.lexists(path)]


def may_mount(
    path: str,
    allow: Collection[str],
    sockets: Collection[str],
    own: Sequence[str],
    real: Callable[[str], str] = os.path.realpath,
) -> bool:
    """Return whether a directory of the host is below one that `allow` lists, and neither holds a socket of Docker nor
    one of Backstay's `own` directories, nor is below one. `real` follows links."""
    place, closed = PurePosixPath(real(path)), [PurePosixPath(real(one)) for one in own]
    if any(place.is_relative_to(one) or one.is_relative_to(place) for one in closed):
        return False
    ends = {real(one) for one in sockets}
    allowed = [one for one in allow if one.startswith("/") and real(one) not in ends]
    return host_path_is_fine(path, allowed, Host(None, sockets, real))


def _mount(workload: str, volume: Volume) -> Mount:
    is_read_only = volume.get("read_only", False)
    if "host_path" in volume:
        return Mount(volume["host_path"], volume["path"], is_read_only, is_host_path=True)
    if volume.get("existing"):
        return Mount(volume["name"], volume["path"], is_read_only, exists=True)
    return Mount(f"backstay_{workload}_{volume['name']}", volume["path"], is_read_only)
