"""Which of Backstay's leftovers on a host and in the ledger to remove. Pure: takes records, returns a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tasks.images.retention import ImageStep, Verb


class Why(StrEnum):
    """Why something is a leftover."""

    NO_WORKLOAD = "no_workload"
    NOT_LIVE = "not_live"
    NOT_NEEDED = "not_needed"
    ENGINE_DEAD = "engine_dead"


@dataclass(frozen=True)
class SeenContainer:
    """A container of this installation, and the workload that its labels name."""

    id: str
    name: str
    workload: str
    version: int


@dataclass(frozen=True)
class SeenNetwork:
    """A network of this installation; `workload` is None for a named one, which several may join."""

    id: str
    name: str
    workload: str | None


@dataclass(frozen=True)
class Standing:
    """A workload: its live version, and the version being deployed, if a living engine does so."""

    live: int | None
    at_work: int | None = None


@dataclass(frozen=True)
class UnfinishedRow:
    """An unfinished row of the ledger. `dead`: no engine is left to finish it."""

    deploy_id: int
    workload: str
    version: int
    status: str
    dead: bool


@dataclass(frozen=True)
class Leftover:
    """A single leftover: a `container`, a `network`, an `image`, a `row`, or `files` of an app. `id` is Docker's, the
    row's, or the directory's name."""

    kind: str
    name: str
    why: Why
    id: str


def decide(
    containers: Sequence[SeenContainer],
    standings: Mapping[str, Standing],
    images: Sequence[ImageStep],
    rows: Sequence[UnfinishedRow],
    networks: Sequence[SeenNetwork] = (),
    files: Sequence[str] = (),
) -> list[Leftover]:
    """Return what to remove: rows, then containers, networks, images and files. `images` are the steps of
    tasks.images.retention, `files` the directories that no workload has."""
    dead = [
        Leftover("row", f"{row.workload} v{row.version} {row.status}", Why.ENGINE_DEAD, str(row.deploy_id))
        for row in rows
        if row.dead
    ]
    # An image without a name can only be addressed by its id.
    unneeded = [
        Leftover("image", ", ".join(step.names) or step.image_id, Why.NOT_NEEDED, step.image_id)
        for step in images
        if step.verb is Verb.REMOVE
    ]
    strays = [(one, _stray(one, standings)) for one in containers]
    empty = [
        Leftover("network", one.name, Why.NO_WORKLOAD, one.id)
        for one in networks
        if one.workload is not None and one.workload not in standings
    ]
    ownerless = [Leftover("files", name, Why.NO_WORKLOAD, name) for name in files]
    unwanted = [Leftover("container", one.name, why, one.id) for one, why in strays if why]
    return dead + unwanted + empty + unneeded + ownerless


def _stray(one: SeenContainer, standings: Mapping[str, Standing]) -> Why | None:
    standing = standings.get(one.workload)
    if standing is None:
        return Why.NO_WORKLOAD
    # During a deploy, its old and its new container belong to that deploy.
    if standing.at_work is not None or one.version == standing.live:
        return None
    return Why.NOT_LIVE
