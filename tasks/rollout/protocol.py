"""A way of rolling out: what the choke point and reconcile ask of it, whatever the number of containers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from db.models import Deploy, Workload
from db.releases import Release
from tasks.context import Context
from tasks.docker.records import ContainerRecord
from tasks.job import Job


class Watched(NamedTuple):
    """The containers that a version brought, and how many of them have to run."""

    records: list[ContainerRecord]
    wanted: int


class Rollout(Protocol):
    """How the containers of a release take the place of those of the live one: a function a stage, and what comes after
    a crash. tasks.rollout.single has it for one container. All raise Failure."""

    def roll_out(self, job: Job) -> None:
        """Create and start what is new."""

    def check_health(self, job: Job) -> None:
        """Wait until it works."""

    def verify(self, job: Job) -> None:
        """Compare what runs with the pin."""

    def settle(self, job: Job) -> None:
        """The new version takes over; the old one stops, and can still be started again."""

    def undo(self, job: Job) -> None:
        """After a failure: the live version runs again, and nothing else."""

    def clean_up(self, job: Job) -> None:
        """After a success: what belongs to older versions goes."""

    def restore(self, context: Context, workload: Workload, live: Deploy | None) -> bool:
        """Make exactly the live version run, none if there is none; answers whether there was anything to do."""

    def runs_as_pinned(self, live: Deploy, records: Sequence[ContainerRecord]) -> bool:
        """Whether the containers that Docker has are those that the live row speaks of, and run."""

    def brought_by(self, live: Deploy, records: Sequence[ContainerRecord]) -> Watched:
        """The containers that the live version brought, and how many of them have to run."""

    def still_works(self, context: Context, live: Deploy, release: Release, records: Sequence[ContainerRecord]) -> bool:
        """Whether what runs passes its health check at this moment: asked while a new version is watched."""
