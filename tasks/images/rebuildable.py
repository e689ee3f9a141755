"""The availability of an image's build source, for releases whose image is gone from the host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from db import pins
from db.states import ErrorCode, PinFound
from tasks.content import store
from tasks.context import Context
from tasks.failures import Failure
from tasks.git.repository import submodule_of


@dataclass(frozen=True)
class Source:
    """Where it is: `source`, nowhere, or None when unknown. `asked`: its server was queried."""

    found: PinFound | None
    asked: bool = False


def look(context: Context, pin: Mapping[str, Any], may_ask: bool) -> Source | None:
    """Look in HOME first; if `may_ask`, query the servers, which bring the commits. None: not looked further."""
    if pin.get("content"):
        return Source(PinFound.SOURCE if store.is_kept(context.settings, pin["content"]) else PinFound.NOWHERE)
    refused: ErrorCode | None = None
    try:
        # The commit and its submodules.
        wanted = [(submodule_of(context, pin["url"], url, lambda: None), commit) for url, commit in pins.commits(pin)]
        missing = [(repository, commit) for repository, commit in wanted if not repository.has(commit)]
        if not missing:
            return Source(PinFound.SOURCE)
        if not may_ask:
            return None
        for repository, commit in missing:
            repository.bring(commit)
    except Failure as failure:
        refused = failure.code
    if refused is None:
        return Source(PinFound.SOURCE, asked=True)
    return Source(PinFound.NOWHERE if refused is ErrorCode.REFERENCE_NOT_FOUND else None, asked=True)
