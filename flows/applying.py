"""Applying a YAML file of specs: each workload is created, changed, or found to be as the file says.

Changes what the next deploy will run, and touches nothing that runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import yaml

from db import workloads
from db.models import Workload
from flows.requests import Refusal
from flows.workloads import change, create
from tasks.context import Context
from tasks.specs import InvalidSpec, parse_spec, public


class Outcome(StrEnum):
    """What applying a spec came to."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Applied:
    """One workload of the file. `keys` are the top-level keys that changed."""

    name: str
    outcome: Outcome
    keys: list[str]


def read_specs(text: str, host: str) -> list[dict[str, Any]]:
    """The specs of a YAML file, all checked before the first is applied. Raises InvalidSpec naming document and key."""
    documents = _load(text)
    if not documents:
        raise InvalidSpec("spec", "is empty")
    for number, document in enumerate(documents, 1):
        if isinstance(document, dict):
            document.setdefault("host", host)
        problem = _problem(document)
        if problem is not None:
            place = f"document {number}: " if len(documents) > 1 else ""
            raise InvalidSpec(f"{place}{problem.key}", problem.problem)
    return documents


def apply_spec(context: Context, spec: dict[str, Any], actor: str) -> Applied:
    """Make the ledger's spec equal to this one. Secrets that it does not name stay as they are.

    Raises InvalidSpec, db.workloads.NameTaken, Refusal.
    """
    name = spec["name"]
    with context.database.reading() as session:
        workload = workloads.find(session, name)
    if workload is None:
        create(context, spec, actor)
        return Applied(name, Outcome.CREATED, sorted(spec))
    patch = difference(public(parse_spec(spec)), workload.spec) | _new_secrets(context, workload, spec)
    if not patch:
        return Applied(name, Outcome.UNCHANGED, [])
    change(context, name, patch, actor)
    return Applied(name, Outcome.CHANGED, sorted(patch))


def difference(wanted: dict[str, Any], present: dict[str, Any]) -> dict[str, Any]:
    """The patch that makes `present` be as `wanted`: None puts a key back to its default. Pure."""
    keys = wanted.keys() | present.keys()
    return {key: wanted.get(key) for key in keys if wanted.get(key) != present.get(key)}


def _new_secrets(context: Context, workload: Workload, spec: dict[str, Any]) -> dict[str, Any]:
    given = {name: secret.get_secret_value() for name, secret in parse_spec(spec).secrets.items()}
    known = context.secrets_of(workload)
    fresh = {name: value for name, value in given.items() if known.get(name) != value}
    return {"secrets": fresh} if fresh else {}


def _load(text: str) -> list[Any]:
    line = None
    try:
        return [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
    except yaml.YAMLError:
        pass
    # Not the parser's own words: they quote the file, which may hold secrets.
    raise InvalidSpec(f"line {line}" if line else "spec", "is not valid YAML")


def _problem(document: object) -> InvalidSpec | None:
    try:
        parse_spec(document)
    except InvalidSpec as error:
        return error
    return None


def apply_all(context: Context, specs: list[dict[str, Any]], actor: str) -> Iterator[Applied]:
    """Apply one after the other."""
    for spec in specs:
        try:
            yield apply_spec(context, spec, actor)
        except workloads.NameTaken:
            # Its removal is not finished: the name is not free, and there is nothing to change.
            raise Refusal("name_taken") from None
