"""Applying a YAML file of specs: each workload is created, changed, or already equal to the file.

Changes what the next deploy will run, and touches nothing that runs. Relative paths in a spec are relative to the
file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, cast

from db import diff, workloads
from db.messages.key_problems import KeyProblem
from db.messages.refusals import RefusalCode
from db.models import Workload
from flows.refusals import Refusal
from flows.workloads import spec_yaml
from flows.workloads.check import Checked, check
from flows.workloads.lifecycle import change, checked, create, difference, patched
from tasks.context import Context
from tasks.failures import attempt
from tasks.sources.compose import LONGEST_TEXT
from tasks.sources.invalid_spec import InvalidSpec, Reason
from tasks.specs import NAME, parse_spec, public


class Outcome(StrEnum):
    """The outcome of applying a spec."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Applied:
    """One workload of the file. `keys`: the top-level keys that changed; `changes`: in the form of db.diff."""

    name: str
    outcome: Outcome
    keys: list[str]
    changes: list[dict[str, Any]]


@dataclass(frozen=True)
class Rehearsed:
    """What applying one document of a file would do: `applied`, None where it would be refused, and what a check says.

    `place`: its name, or where it stands in the file.
    """

    place: str
    applied: Applied | None
    checked: Checked


def read_specs(text: str, host: str, beside: Path) -> list[dict[str, Any]]:
    """Return the specs of a YAML file in the directory `beside`, all checked before the first is applied.

    Raises InvalidSpec naming document and key.
    """
    documents = [one for one, _ in _documents(text, host, beside)]
    if refused := [one for one in documents if isinstance(one, InvalidSpec)]:
        raise InvalidSpec.of([reason for one in refused for reason in one.reasons], refused[0].allow)
    return cast("list[dict[str, Any]]", documents)


def rehearse(context: Context, text: str, beside: Path) -> Iterator[Rehearsed]:
    """Yield what applying each document of a file would do, with every reason against it. Stores nothing."""
    read = attempt(lambda: _documents(text, context.settings.host_name, beside), InvalidSpec)
    if isinstance(read, InvalidSpec):
        yield Rehearsed("file", None, Checked(list(read.reasons)))
        return
    for number, (prepared, raw) in enumerate(read, 1):
        name = raw.get("name") if isinstance(raw, dict) else None
        place = name if isinstance(name, str) and re.fullmatch(NAME, name) else f"document {number}"
        found = Checked() if raw is None else check(context, raw)
        if isinstance(prepared, InvalidSpec):  # also what is wrong with the file as such, and with paths beside it
            given = [_bare(one) for one in prepared.reasons]
            others = [one for one in found.problems if one not in given]
            yield Rehearsed(place, None, Checked([*given, *others], found.allow, found.warnings))
        elif not found.ok:
            yield Rehearsed(place, None, found)
        else:
            yield Rehearsed(place, apply_spec(context, prepared, "", dry_run=True), found)


def _bare(reason: Reason) -> Reason:
    """Return a reason with the key alone, without the number of its document."""
    return Reason(reason.key.rpartition(": ")[2], reason.problem, reason.limits)


def _documents(text: str, host: str, beside: Path) -> list[tuple[dict[str, Any] | InvalidSpec, Any]]:
    """Return each document as a spec, or as its refusal, and as it was written, as far as it could be read. Raises
    InvalidSpec for what is no YAML."""
    written = spec_yaml.documents(text)
    if not written:
        raise InvalidSpec("spec", KeyProblem.EMPTY)
    found, names = list[tuple[dict[str, Any] | InvalidSpec, Any]](), set[str]()
    for number, one in enumerate(written, 1):
        place = f"document {number}: " if len(written) > 1 else ""
        raw = attempt(one.value, InvalidSpec)
        spec = raw if isinstance(raw, InvalidSpec) else attempt(partial(_prepared, raw, host, beside), InvalidSpec)
        if not isinstance(spec, InvalidSpec) and spec["name"] in names:
            spec = InvalidSpec("name", KeyProblem.NAME_REPEATED)
        if isinstance(spec, InvalidSpec):
            refused = spec.with_traceback(None).within(place)
            found.append((refused, None if isinstance(raw, InvalidSpec) else raw))
        else:
            names.add(spec["name"])
            found.append((spec, spec))
    return found


def apply_spec(context: Context, spec: dict[str, Any], actor: str, *, dry_run: bool = False) -> Applied:
    """Make the ledger's spec equal to this one. Secrets that it does not name are kept.

    With `dry_run` nothing is written, but refusals are the same. Raises InvalidSpec, Refusal, db.workloads.NameTaken.
    """
    name, wanted = spec["name"], public(parse_spec(spec))
    with context.database.reading() as session:
        workload = workloads.find(session, name)
    if workload is None:
        checked(context, spec) if dry_run else create(context, spec, actor)
        return Applied(name, Outcome.CREATED, sorted(spec), _changes(None, wanted, spec.get("secrets") or {}))
    secrets = _new_secrets(context, workload, spec)
    patch = difference(wanted, workload.spec) | secrets
    if not patch:
        return Applied(name, Outcome.UNCHANGED, [], [])
    changes = _changes(workload, wanted, secrets.get("secrets", {}))
    patched(context, workload, patch) if dry_run else change(context, name, patch, actor)
    return Applied(name, Outcome.CHANGED, sorted(patch), changes)


def _changes(workload: Workload | None, wanted: dict[str, Any], secrets: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the changes key by key, values of secrets masked."""
    found = diff.compare(workload.spec if workload else None, wanted)
    known = workload.secrets if workload else {}
    masks = [
        {"key": f"secrets.{name}", "from": diff.MASK if name in known else None, "to": diff.MASK}
        for name in sorted(secrets)
    ]
    return found + masks


def _new_secrets(context: Context, workload: Workload, spec: dict[str, Any]) -> dict[str, Any]:
    given = {name: secret.get_secret_value() for name, secret in parse_spec(spec).secrets.items()}
    known = context.secrets_of(workload)
    fresh = {name: value for name, value in given.items() if known.get(name) != value}
    return {"secrets": fresh} if fresh else {}


def _prepared(document: Any, host: str, beside: Path) -> dict[str, Any]:
    if isinstance(document, dict):
        document.setdefault("host", host)
        if isinstance(document.get("source"), dict):
            document["source"] = _placed(document["source"], beside)
    parse_spec(document)
    return cast("dict[str, Any]", document)


def _placed(source: dict[str, Any], beside: Path) -> dict[str, Any]:
    """Return a self-contained source: a relative directory made absolute, a compose file beside the YAML included."""
    path, file = source.get("path"), source.get("file")
    if source.get("kind") == "static" and isinstance(path, str) and not Path(path).is_absolute():
        return source | {"path": str((beside / path).resolve())}
    if source.get("kind") == "compose" and file is not None and not source.keys() & {"url", "text"}:
        return {key: value for key, value in source.items() if key != "file"} | {"text": _text_of(file, beside)}
    return source


def _text_of(file: object, beside: Path) -> str:
    if not isinstance(file, str):
        raise InvalidSpec("source.file", KeyProblem.ONE_PATH)
    try:
        with (beside / file).open(encoding="utf-8") as stream:
            return stream.read(LONGEST_TEXT + 1)
    except (OSError, UnicodeDecodeError, ValueError):
        pass
    raise InvalidSpec("source.file", KeyProblem.NOT_READABLE)


def apply_all(context: Context, specs: list[dict[str, Any]], actor: str, *, dry_run: bool = False) -> Iterator[Applied]:
    """Apply the specs in order, once none of them would be refused."""
    if not dry_run:
        for spec in specs:
            apply_spec(context, spec, actor, dry_run=True)
    for spec in specs:
        try:
            yield apply_spec(context, spec, actor, dry_run=dry_run)
        except workloads.NameTaken:
            # Its removal is not finished: the name is still in use, and there is nothing to change.
            raise Refusal(RefusalCode.NAME_TAKEN) from None
