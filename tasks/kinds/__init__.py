"""The source kinds: one file each, found by name. To add one, write its file and put it into KINDS."""

from __future__ import annotations

from typing import Any, Protocol

from tasks.kinds.image import ImageKind
from tasks.work import Work


class SourceKind(Protocol):
    """Turns what was asked for into a pin, and a pin into something that can run."""

    name: str

    def requested(self, source: dict[str, Any]) -> str:
        """What was asked for, as a person would say it: shown in the ledger. No secrets."""
        ...

    def pin(self, work: Work) -> dict[str, Any]:
        """Resolve the requested reference. Not called for a rollback, whose pin is known. Raises Failure."""
        ...

    def prepare(self, work: Work) -> dict[str, Any]:
        """Bring what the pin names onto the host; answers the pin made complete. Raises Failure."""
        ...


KINDS: dict[str, SourceKind] = {kind.name: kind for kind in (ImageKind(),)}
