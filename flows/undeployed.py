"""What of a spec is not deployed yet, and what a rollback makes of it.

A rollback takes the release back, not what a person has prepared for the next deploy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from db import diff
from tasks.sources.invalid_spec import InvalidSpec
from tasks.specs import RELEASE_KEYS, parse_spec, public, release_of

# Their names are changed one by one; every other key is a whole: half of a health check is none.
_BY_NAME = ("env", "labels", "extra_hosts")


def undeployed_keys(spec: Mapping[str, Any], secret_names: Iterable[str], live: Mapping[str, Any] | None) -> list[str]:
    """Return the dotted keys in which the next deploy would differ from the live release; none if nothing is live."""
    if live is None:
        return []
    following = _normal(release_of(dict(spec), sorted(secret_names)))
    return [one["key"] for one in diff.compare(_normal(live), following)]


def taken_back(
    spec: dict[str, Any], secret_names: Iterable[str], live: Mapping[str, Any], target: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the spec after a rollback from the live release to another one: the target's, with what is not deployed.

    Where the two contradict each other, the person's spec stays whole.
    """
    after = {key: value for key, value in spec.items() if key not in RELEASE_KEYS}
    for key in RELEASE_KEYS:
        merged = (_merged_names if key in _BY_NAME else _merged)(spec.get(key), live.get(key), target.get(key))
        if merged is not None:
            after[key] = merged
    if set(after.get("env", {})) & set(secret_names) or not _is_valid(after):
        return spec
    return after


def _merged(mine: Any, live: Any, target: Any) -> Any:
    return target if mine == live else mine


def _merged_names(mine: Any, live: Any, target: Any) -> Any:
    if mine is None and live is None and target is None:
        return None
    mine, live, target = mine or {}, live or {}, target or {}
    names = [*target, *(name for name in mine if name not in target)]
    merged = {name: _merged(mine.get(name), live.get(name), target.get(name)) for name in names}
    return {name: value for name, value in merged.items() if value is not None}


def _normal(release: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a release with its defaults as this version stores them: others stored more of them, or fewer."""
    given = {key: value for key, value in release.items() if key != "secrets"}
    try:
        spec = public(parse_spec({"name": "x", **given}))
    except InvalidSpec:
        return release
    return release_of(spec, list(release.get("secrets", [])))


def _is_valid(spec: dict[str, Any]) -> bool:
    try:
        parse_spec(spec)
    except InvalidSpec:
        return False
    return True
