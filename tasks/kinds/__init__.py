"""The source kinds: one file each, found by name. tasks.sources.Source lists them.

The kind `image` is the class ImageKind in tasks/kinds/image.py, and so on: docs/writing-a-source-kind.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from db.models import Workload
from tasks.kinds.protocol import SourceKind
from tasks.rollout.protocol import Rollout
from tasks.sources import kind_names

__all__ = ["KINDS", "Rollout", "SourceKind", "kind_of"]


def _found() -> Iterator[SourceKind]:
    for name in kind_names():
        kind: SourceKind = getattr(import_module(f"{__name__}.{name}"), f"{name.title()}Kind")()
        yield kind


KINDS: dict[str, SourceKind] = {kind.name: kind for kind in _found()}


def kind_of(workload: Workload) -> SourceKind:
    """Return the kind of a workload. It may change, but never to one whose containers are rolled out in another way."""
    return KINDS[workload.spec["source"]["kind"]]
