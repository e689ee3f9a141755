"""Creating and changing a workload: the spec is checked, its secret values are encrypted. removal.py removes it."""

from __future__ import annotations

from typing import Any

from db import diff, event_log, workloads
from db.messages.events import tell
from db.messages.key_problems import KeyProblem
from db.models import Workload
from flows.refusals import workload_named
from tasks.context import Context, now
from tasks.kinds import KINDS, kind_of
from tasks.sources.invalid_spec import InvalidSpec, shown_key
from tasks.sources.permitted import refused
from tasks.specs import Spec, parse_spec, public


def create(context: Context, data: object, actor: str) -> Workload:
    """Add a workload from a spec. Raises InvalidSpec, db.workloads.NameTaken."""
    spec = checked(context, data)
    with context.database.writing() as session:
        moment = now()
        workload = workloads.create(session, public(spec), locked(context, spec), moment)
        event_log.note(session, workload.id, tell("created"), moment, actor=actor)
        return workload


def change(context: Context, name: str, patch: object, actor: str) -> Workload:
    """Replace top-level keys of a spec; null resets a key to its default. Touches nothing that runs.

    `secrets` is merged by name; null removes one. Raises InvalidSpec, Refusal(no_such_workload).
    """
    if not isinstance(patch, dict):
        raise InvalidSpec("spec", KeyProblem.NOT_A_MAPPING)
    with context.database.writing() as session:
        workload, moment = workload_named(session, name), now()
        spec, kept = patched(context, workload, patch)
        given = patch.get("secrets", {})
        changed = [one["key"] for one in diff.compare(workload.spec, public(spec))]
        # An unknown name without a value has passed no check: it may be anything, and is not repeated.
        changed += [f"secrets.{key}" for key in sorted(given) if given[key] is not None or key in workload.secrets]
        workloads.change(session, workload.id, public(spec), kept | locked(context, spec), moment)
        if changed:
            event_log.note(session, workload.id, tell("changed", keys=changed), moment, actor=actor)
        return session.get_one(Workload, workload.id, populate_existing=True)


def patched(context: Context, workload: Workload, patch: dict[str, Any]) -> tuple[Spec, dict[str, str]]:
    """Return the spec with a patch applied, and the encrypted secrets that are kept. Raises InvalidSpec."""
    if "name" in patch and patch["name"] != workload.name:
        raise InvalidSpec("name", KeyProblem.FIXED)
    for key in patch.keys() - Spec.model_fields.keys():  # a null one would not reach the check of the spec
        raise InvalidSpec(shown_key(key), KeyProblem.UNKNOWN_KEY)
    given = patch.get("secrets", {})
    if not isinstance(given, dict):
        raise InvalidSpec("secrets", KeyProblem.NOT_A_MAPPING)
    merged = workload.spec | {key: value for key, value in patch.items() if key != "secrets"}
    wanted = {key: value for key, value in merged.items() if value is not None}
    spec = checked(context, wanted | {"secrets": {key: value for key, value in given.items() if value is not None}})
    kept = {key: value for key, value in workload.secrets.items() if key not in given}
    if both := sorted(set(kept) & set(spec.env)):
        raise InvalidSpec(f"env.{both[0]}", KeyProblem.SECRET_TOO)
    if KINDS[spec.source.kind].rollout is not kind_of(workload).rollout:
        raise InvalidSpec("source.kind", KeyProblem.FIXED_KIND)
    return spec, kept


def checked(context: Context, data: object) -> Spec:
    """Return the spec if this installation accepts it. Raises InvalidSpec."""
    if isinstance(data, dict) and "host" not in data:
        data = data | {"host": context.settings.host_name}
    spec = parse_spec(data)
    if spec.host != context.settings.host_name:
        raise InvalidSpec("host", KeyProblem.NO_SUCH_HOST)
    if spec.source.kind not in KINDS:
        raise InvalidSpec("source.kind", KeyProblem.ONE_OF, allowed=", ".join(KINDS))
    if refusal := refused(spec.source.model_dump(), context.settings):
        raise refusal
    return spec


def locked(context: Context, spec: Spec) -> dict[str, str]:
    """Return the secrets of a spec, encrypted."""
    values: dict[str, Any] = {name: secret.get_secret_value() for name, secret in spec.secrets.items()}
    return {name: context.vault.lock(value) for name, value in values.items()}
