"""Creating and changing a workload: the spec is checked, its secret values are encrypted. removal.py removes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from db import diff, event_log, workloads
from db.messages.events import tell
from db.messages.key_problems import KeyProblem
from db.messages.refusals import RefusalCode
from db.models import Workload
from flows.refusals import Refusal, workload_named
from tasks.context import Context, now
from tasks.kinds import KINDS, kind_of
from tasks.sources.invalid_spec import InvalidSpec, Reason, shown_key
from tasks.sources.permitted import refused
from tasks.specs import Spec, parse_spec, public

# Whether a change that was meant for a workload as somebody saw it fits the one that is there now, None: there is none.
Fits = Callable[[Workload | None], bool]


def whatever(_: Workload | None) -> bool:
    """Return True: the change is for whatever is there."""
    return True


@dataclass(frozen=True)
class Change:
    """Who changes a workload, when, and under which condition."""

    actor: str
    moment: datetime
    fits: Fits


def tag_of(workload: Workload) -> str:
    """Return a text that is another one after each change of the spec or of a secret. It reveals neither."""
    known = json.dumps([workload.spec, workload.secrets], sort_keys=True)
    return hashlib.blake2b(known.encode(), digest_size=12).hexdigest()


def create(context: Context, data: object, actor: str) -> Workload:
    """Add a workload from a spec. Raises InvalidSpec, db.workloads.NameTaken."""
    spec = checked(context, data)
    with context.database.writing() as session:
        moment = now()
        workload = workloads.create(session, public(spec), locked(context, spec), moment)
        event_log.note(session, workload.id, tell("created"), moment, actor=actor)
        return workload


def change(context: Context, name: str, patch: object, actor: str, fits: Fits = whatever) -> Workload:
    """Replace top-level keys of a spec; null resets a key to its default. Touches nothing that runs.

    `env` and `secrets` are merged by name; null removes one. Raises InvalidSpec, Refusal (no_such_workload, and
    changed_meanwhile when the change does not fit the workload as it is now).
    """
    if not isinstance(patch, dict):
        raise InvalidSpec("spec", KeyProblem.NOT_A_MAPPING)
    with context.database.writing() as session:
        return _change(context, session, workload_named(session, name), patch, Change(actor, now(), fits))


def put(context: Context, name: str, data: object, actor: str, fits: Fits = whatever) -> tuple[Workload, bool]:
    """Add a workload, or make the spec of the one that is there equal to this one; return whether it was added.

    Secrets that it does not name are kept, since nobody can read them back; null removes one. Raises InvalidSpec,
    Refusal(changed_meanwhile), db.workloads.NameTaken while another one of that name is being removed.
    """
    if not isinstance(data, dict):
        raise InvalidSpec("spec", KeyProblem.NOT_A_MAPPING)
    if data.get("name", name) != name:
        raise InvalidSpec("name", KeyProblem.FIXED)
    given = data.get("secrets") or {}
    values = {key: one for key, one in given.items() if one is not None} if isinstance(given, dict) else given
    whole = data | {"name": name} | ({"secrets": values} if given else {})
    wanted = public(checked(context, whole))
    if fits(None):
        with suppress(workloads.NameTaken):
            return create(context, whole, actor), True
    with context.database.writing() as session:
        workload = workloads.find(session, name)
        if workload is None:
            raise workloads.NameTaken if fits(None) else Refusal(RefusalCode.CHANGED_MEANWHILE)
        patch = difference(wanted, workload.spec) | ({"secrets": given} if given else {})
        return _change(context, session, workload, patch, Change(actor, now(), fits)), False


def difference(wanted: dict[str, Any], present: dict[str, Any]) -> dict[str, Any]:
    """Return the patch that turns `present` into `wanted`: None resets a key to its default. Pure."""
    keys = wanted.keys() | present.keys()
    return exactly({key: wanted.get(key) for key in keys if wanted.get(key) != present.get(key)}, present)


def exactly(patch: dict[str, Any], present: dict[str, Any]) -> dict[str, Any]:
    """Return a patch after which the variables are those that it names, and no other. Pure."""
    env = patch.get("env")
    return patch | {"env": {**dict.fromkeys(present.get("env", {})), **env}} if isinstance(env, dict) else patch


def patched(context: Context, workload: Workload, patch: dict[str, Any]) -> tuple[Spec, dict[str, str]]:
    """Return the spec with a patch applied, and the encrypted secrets that are kept. Raises InvalidSpec."""
    if "name" in patch and patch["name"] != workload.name:
        raise InvalidSpec("name", KeyProblem.FIXED)
    # A null one would not reach the check of the spec.
    if unknown := [Reason(shown_key(key), KeyProblem.UNKNOWN_KEY) for key in patch if key not in Spec.model_fields]:
        raise InvalidSpec.of(unknown)
    given = patch.get("secrets", {})
    if not isinstance(given, dict):
        raise InvalidSpec("secrets", KeyProblem.NOT_A_MAPPING)
    wanted = merged(workload.spec, patch)
    spec = checked(context, wanted | {"secrets": {key: value for key, value in given.items() if value is not None}})
    kept = {key: value for key, value in workload.secrets.items() if key not in given}
    raise_unless_a_change(workload, spec, kept)
    return spec, kept


def _change(context: Context, session: Session, workload: Workload, patch: dict[str, Any], by: Change) -> Workload:
    if not by.fits(workload):
        raise Refusal(RefusalCode.CHANGED_MEANWHILE)
    spec, kept = patched(context, workload, patch)
    given = patch.get("secrets", {})
    changed = [one["key"] for one in diff.compare(workload.spec, public(spec))]
    # An unknown name without a value has passed no check: it may be anything, and is not repeated.
    changed += [f"secrets.{key}" for key in sorted(given) if given[key] is not None or key in workload.secrets]
    workloads.change(session, workload.id, public(spec), kept | locked(context, spec), by.moment)
    if changed:
        event_log.note(session, workload.id, tell("changed", keys=changed), by.moment, actor=by.actor)
    return session.get_one(Workload, workload.id, populate_existing=True)


def merged(spec: dict[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored spec with a patch applied, but for secrets; not checked. Pure."""
    found = spec | {key: value for key, value in patch.items() if key != "secrets"}
    if isinstance(env := patch.get("env"), dict):
        named = {**spec.get("env", {}), **env}
        found["env"] = {key: value for key, value in named.items() if value is not None}
    return {key: value for key, value in found.items() if value is not None}


def raise_unless_a_change(workload: Workload, spec: Spec, kept: Collection[str]) -> None:
    """Refuse a spec that the workload cannot change to. `kept`: the names of its secrets that stay. Raises
    InvalidSpec."""
    both = sorted(set(kept) & set(spec.env))
    reasons = [Reason(f"env.{name}", KeyProblem.SECRET_TOO) for name in both]
    if spec.source.kind in KINDS and KINDS[spec.source.kind].rollout is not kind_of(workload).rollout:
        reasons.append(Reason("source.kind", KeyProblem.FIXED_KIND))
    if reasons:
        raise InvalidSpec.of(reasons)


def checked(context: Context, data: object) -> Spec:
    """Return the spec if this installation accepts it. Raises InvalidSpec."""
    if isinstance(data, dict) and "host" not in data:
        data = data | {"host": context.settings.host_name}
    spec, reasons = parse_spec(data), list[Reason]()
    if spec.host != context.settings.host_name:
        reasons.append(Reason("host", KeyProblem.NO_SUCH_HOST))
    if spec.source.kind not in KINDS:
        reasons.append(Reason("source.kind", KeyProblem.ONE_OF, {"allowed": ", ".join(KINDS)}))
    if refusal := refused(spec.source.model_dump(), context.settings):
        reasons += refusal.reasons
    if reasons:
        raise InvalidSpec.of(reasons)
    return spec


def locked(context: Context, spec: Spec) -> dict[str, str]:
    """Return the secrets of a spec, encrypted."""
    values: dict[str, Any] = {name: secret.get_secret_value() for name, secret in spec.secrets.items()}
    return {name: context.vault.lock(value) for name, value in values.items()}
