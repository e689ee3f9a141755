"""Which sources an installation allows, by its settings: git protocols, directories of the host. Pure.

Checked when a spec is written and again before anything is fetched: a setting may have changed in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from db.messages.key_problems import KeyProblem
from db.settings import Settings
from tasks.sources.addresses import parse_address
from tasks.sources.invalid_spec import InvalidSpec


def refused(source: Mapping[str, Any], settings: Settings) -> InvalidSpec | None:
    """Return the refusal of a source that the settings rule out; None for one that they allow."""
    url = source.get("url")
    address = parse_address(url) if isinstance(url, str) else None
    if address is not None and address.protocol not in settings.git_protocols_allowed:
        return InvalidSpec("source.url", KeyProblem.PROTOCOL_NOT_ALLOWED, protocol=address.protocol)
    if source.get("kind") == "static" and (path := source.get("path")) is not None:
        if not settings.static_roots_allowed:
            return InvalidSpec("source.path", KeyProblem.NO_STATIC_ROOTS)
        if not any(PurePosixPath(path).is_relative_to(root) for root in settings.static_roots_allowed):
            return InvalidSpec("source.path", KeyProblem.NOT_IN_STATIC_ROOTS)
    return None
