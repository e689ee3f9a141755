"""A kind of rollout: its interface to the choke point and reconcile, whatever the number of containers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from db.models import Deploy, Workload
from db.releases import Release
from tasks.containers.health_status import Part
from tasks.context import Context
from tasks.docker.records import ContainerRecord
from tasks.job import Job
from tasks.rollout.health import Check


class Watched(NamedTuple):
    """The containers that a version brought, and how many of them have to run."""

    records: list[ContainerRecord]
    wanted: int


class Rollout(Protocol):
    """Replaces the containers of the live release with those of a new one: one function per stage, and what follows a
    crash. tasks.rollout.single does it for one container. All raise Failure."""

    def roll_out(self, job: Job) -> None:
        """Create and start what is new."""

    def check_health(self, job: Job) -> None:
        """Wait until it works."""

    def verify(self, job: Job) -> None:
        """Compare what runs with the pin."""

    def settle(self, job: Job) -> None:
        """Hand over to the new version; the old one stops, and can still be started again."""

    def undo(self, job: Job) -> None:
        """Restore the live version, and nothing else, after a failure."""

    def clean_up(self, job: Job) -> None:
        """Remove what belongs to older versions, after a success."""

    def restore(self, context: Context, workload: Workload, live: Deploy | None) -> bool:
        """Converge on exactly the live version, or on none; return whether there was anything to do."""

    def runs_as_pinned(self, live: Deploy, records: Sequence[ContainerRecord]) -> bool:
        """Return whether Docker's containers are those that the live row names, and run."""

    def parts(self, live: Deploy, records: Sequence[ContainerRecord]) -> list[Part]:
        """Return what has to run of the live version, service by service."""

    def own_check(self, release: Release) -> Check | None:
        """Return the check of a release that nobody but Backstay runs; None without one."""

    def start_again(self, context: Context, workload: Workload, record: ContainerRecord) -> None:
        """Start a container of the live version that has ended and stayed down."""

    def brought_by(self, live: Deploy, records: Sequence[ContainerRecord]) -> Watched:
        """Return the containers that the live version brought, and how many of them have to run."""

    def still_works(self, context: Context, live: Deploy, release: Release, records: Sequence[ContainerRecord]) -> bool:
        """Return whether what runs passes its health check now: called while a new version is watched."""
