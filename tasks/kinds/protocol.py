"""What a source kind has to do, and what a way of rolling out has to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from db.models import Deploy, Workload
from tasks.context import Context
from tasks.docker_records import ContainerRecord
from tasks.rollout import Watched
from tasks.work import Work


class Rollout(Protocol):
    """How the containers of a release take the place of those of the live one: a function a stage, and what comes after
    a crash. tasks.single has it for one container. All raise Failure."""

    def roll_out(self, work: Work) -> None:
        """Create and start what is new."""

    def check_health(self, work: Work) -> None:
        """Wait until it works."""

    def verify(self, work: Work) -> None:
        """Compare what runs with the pin."""

    def settle(self, work: Work) -> None:
        """The new version takes over; the old one stops, and can still be started again."""

    def undo(self, work: Work) -> None:
        """After a failure: the live version runs again, and nothing else."""

    def clean_up(self, work: Work) -> None:
        """After a success: what belongs to older versions goes."""

    def restore(self, context: Context, workload: Workload, live: Deploy | None) -> bool:
        """Make exactly the live version run, none if there is none; answers whether there was anything to do."""

    def runs_as_pinned(self, live: Deploy, records: Sequence[ContainerRecord]) -> bool:
        """Whether the containers that Docker has are those that the live row speaks of, and run."""

    def brought_by(self, live: Deploy, records: Sequence[ContainerRecord]) -> Watched:
        """The containers that the live version brought, and how many of them have to run."""

    def still_works(
        self, context: Context, live: Deploy, release: dict[str, Any], records: Sequence[ContainerRecord]
    ) -> bool:
        """Whether what runs passes its health check at this moment: asked while a new version is watched."""


class SourceKind(Protocol):
    """Turns what was asked for into a pin, and a pin into something that can run."""

    name: str
    # The key of the source that a deploy may give another value for once: `image`, `ref`; None when there is none.
    takes: str | None
    rollout: Rollout

    def requested(self, source: dict[str, Any]) -> str:
        """What was asked for, as a person would say it: shown in the ledger. No secrets."""
        ...

    def pin(self, work: Work) -> dict[str, Any]:
        """Resolve the requested reference. Not called for a rollback, whose pin is known. Raises Failure."""
        ...

    def prepare(self, work: Work) -> dict[str, Any]:
        """Bring what the pin names onto the host; answers the pin made complete. Raises Failure."""
        ...
