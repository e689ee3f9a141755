"""All reasons against a spec at once, before anything is stored: of the spec itself, and of its compose file.

A repository is not fetched and no registry asked: what is wrong there shows at the deploy.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from db import workloads
from db.messages.file_problems import MAY_COME_LATER, FileProblem
from db.models import Workload
from flows.workloads import check_file, taken_ports
from flows.workloads.lifecycle import checked, merged, raise_unless_a_change
from flows.workloads.taken_ports import Claim
from tasks.context import Context
from tasks.failures import attempt
from tasks.sources import parse_source
from tasks.sources.compose import is_reserved
from tasks.sources.invalid_spec import InvalidSpec, Reason
from tasks.specs import COMPOSE_NAME, NAME, Spec, public

NAMELESS = "x"


@dataclass(frozen=True)
class Checked:
    """The result. `allow`: the whole list for `allow`, of a compose workload for `source.allow`, that permits what may
    be permitted; empty where nothing is to be added."""

    problems: list[Reason] = field(default_factory=list)
    allow: list[str] = field(default_factory=list)
    warnings: list[Reason] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether a deploy would accept it."""
        return not self.problems


def check(context: Context, data: object, removed: Collection[str] = ()) -> Checked:
    """Return every reason against a spec: of a new workload, or as the change of the one that has its name. `removed`:
    the names of its secrets that go."""
    found, ports = _examined(context, data, removed)
    name = _name(data) if isinstance(data, dict) else NAMELESS
    with context.database.reading() as session:
        return replace(found, warnings=[*found.warnings, *taken_ports.shared(session, name, ports)])


def _examined(context: Context, data: object, removed: Collection[str]) -> tuple[Checked, Sequence[Claim]]:
    """Return what is wrong with a spec, and the ports of the host that it publishes."""
    workload = _present(context, data)
    spec = attempt(lambda: _accepted(context, data, workload, removed), InvalidSpec)
    refused = spec if isinstance(spec, InvalidSpec) else None
    problems, allow = list(refused.reasons if refused else ()), list(refused.allow if refused else ())
    if not isinstance(data, dict):
        return Checked(problems, allow), []
    name, secrets = _name(data), _secret_names(data, workload, removed)
    source, env = (_source(data), _env(data)) if isinstance(spec, InvalidSpec) else _parts(spec)
    ports = [] if isinstance(spec, InvalidSpec) else list(taken_ports.of_spec(public(spec)["ports"]))
    warnings = list[Reason]()
    if source.get("kind") == "compose":
        found = check_file.check(context, name, source, env, secrets)
        problems, allow, warnings = [*problems, *found.problems], allow or found.allow, found.warnings
        ports = list(taken_ports.of_file(found.rendered))
    wanted = ((source.get("build") or {}).get("secrets") or []) if source.get("kind") == "git" else []
    lacking = [one for one in wanted if one not in secrets]
    problems += [Reason("source.build.secrets", FileProblem.SECRET_MISSING, {"name": one}) for one in lacking]
    return Checked(problems, allow, warnings), ports


def of_a_new_one(context: Context, data: object) -> Checked:
    """Return every reason for which a deploy would refuse a spec that can be stored. Raises InvalidSpec, with these
    reasons too, where it cannot."""
    found, _ = _examined(context, data, ())
    refused = attempt(lambda: checked(context, data), InvalidSpec)
    if isinstance(refused, InvalidSpec):
        raise InvalidSpec.of(found.problems or refused.reasons, found.allow)
    return found


def raise_unless_fine(
    context: Context, data: object, but: Collection[str] = MAY_COME_LATER, removed: Collection[str] = ()
) -> None:
    """Refuse a spec unless all that is wrong with it is in `but`. Raises InvalidSpec with all reasons."""
    found, _ = _examined(context, data, removed)
    if any(one.problem not in but for one in found.problems):
        raise InvalidSpec.of(found.problems, found.allow)


def raise_unless_fine_change(
    context: Context, workload: Workload, patch: Mapping[str, Any], but: Collection[str] = MAY_COME_LATER
) -> None:
    """Do as raise_unless_fine, for a patch: unless it leaves the source, the variables and the secrets as they are."""
    given = patch.get("secrets") or {}
    wanted = merged(workload.spec, patch)
    if not given and all(wanted.get(key) == workload.spec.get(key) for key in ("source", "env")):
        return
    removed = {name for name, value in given.items() if value is None}
    secrets = {name: value for name, value in given.items() if value is not None}
    raise_unless_fine(context, wanted | {"secrets": secrets}, but, removed)


def _accepted(context: Context, data: object, workload: Workload | None, removed: Collection[str]) -> Spec:
    spec = checked(context, data)
    if workload is not None:
        raise_unless_a_change(workload, spec, set(workload.secrets) - set(spec.secrets) - set(removed))
    return spec


def _present(context: Context, data: object) -> Workload | None:
    name = data.get("name") if isinstance(data, dict) else None
    if not isinstance(name, str) or re.search(NAME, name) is None:
        return None
    with context.database.reading() as session:
        return workloads.find(session, name)


def _name(data: Mapping[str, Any]) -> str:
    name = data.get("name")
    return name if isinstance(name, str) and re.fullmatch(NAME, name) else NAMELESS


def _secret_names(data: Mapping[str, Any], workload: Workload | None, removed: Collection[str]) -> list[str]:
    given = data.get("secrets")
    names = [str(name) for name in given] if isinstance(given, dict) else []
    return sorted({*names, *(workload.secrets if workload else ())} - set(removed))


def _parts(spec: Spec) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    stored = public(spec)
    return stored["source"], stored["env"]


def _source(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the source of a spec that is wrong elsewhere; empty if it is wrong itself."""
    given = data.get("source")
    if not isinstance(given, dict):
        return {}
    found = attempt(lambda: parse_source(given), ValidationError)
    return {} if isinstance(found, ValidationError) else found


def _env(data: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the variables of a spec that is wrong elsewhere, without those that are wrong themselves."""
    given = data.get("env")
    items = given.items() if isinstance(given, dict) else ()
    return {
        name: str(value)
        for name, value in items
        if COMPOSE_NAME.fullmatch(name)
        and not is_reserved(name)
        and isinstance(value, str | int)
        and "\0" not in str(value)
    }
