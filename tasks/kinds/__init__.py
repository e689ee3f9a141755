"""The source kinds: one file each, found by name. To add one, write its file and put it into KINDS."""

from __future__ import annotations

from db.models import Workload
from tasks.kinds.compose import ComposeKind
from tasks.kinds.git import GitKind
from tasks.kinds.image import ImageKind
from tasks.kinds.protocol import Rollout, SourceKind
from tasks.kinds.static import StaticKind

__all__ = ["KINDS", "Rollout", "SourceKind", "kind_of"]

KINDS: dict[str, SourceKind] = {kind.name: kind for kind in (ImageKind(), ComposeKind(), GitKind(), StaticKind())}


def kind_of(workload: Workload) -> SourceKind:
    """The kind of a workload. It may change, but never to one whose containers are rolled out in another way."""
    return KINDS[workload.spec["source"]["kind"]]
