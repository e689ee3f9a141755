"""Adding and removing the webhooks of a workload."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from db import event_log, webhooks
from db.messages.events import tell
from db.messages.key_problems import KeyProblem
from db.messages.source_problems import SourceProblem
from db.models import Hook
from flows.refusals import workload_named
from tasks.context import Context, now
from tasks.sources.invalid_spec import InvalidSpec
from tasks.webhooks import PROVIDERS
from tasks.webhooks.changed_files import MOST_PATTERNS, is_filter
from tasks.webhooks.matching import is_pattern

SECRET = re.compile(r"^[!-~]{6,255}$")


@dataclass(frozen=True)
class Made:
    """A new hook with its token and its secret, which are shown once."""

    hook: Hook
    token: str
    secret: str

    @property
    def path(self) -> str:
        """The address without its host; it has the secret in it if its sender can send nothing else."""
        path = f"/api/hooks/{self.token}"
        return f"{path}/{self.secret}" if PROVIDERS[self.hook.provider].secret_in_address else path


def add(
    context: Context,
    name: str,
    actor: str,
    provider: str,
    *,
    branch: str | None = None,
    tag: str | None = None,
    paths: Sequence[str] | None = None,
    secret: str | None = None,
) -> Made:
    """Add a hook to a workload; without a secret one is generated. Raises InvalidSpec, Refusal(no_such_workload)."""
    _check(provider, branch, tag, secret)
    _check_paths(provider, paths)
    token, chosen = f"bsh_{secrets.token_urlsafe(32)}", secret or secrets.token_urlsafe(32)
    context.redactor.learn([chosen])
    with context.database.writing() as session:
        workload = workload_named(session, name)
        needs = PROVIDERS[provider].needs
        if needs is not None and needs not in workload.spec["source"]:
            raise InvalidSpec("provider", KeyProblem.NOT_IN_SOURCE, needs=needs)
        if branch is not None and "image" in workload.spec["source"]:
            raise InvalidSpec("branch", KeyProblem.NO_BRANCHES)
        locked, moment = context.vault.lock(chosen), now()
        patterns = {"branch": branch, "tag": tag}
        hook = webhooks.add(
            session, workload.id, provider, token, locked, moment, **patterns, paths=paths or (), actor=actor
        )
        event_log.note(session, workload.id, tell("hook_added", provider=provider), moment, actor=actor)
    return Made(hook, token, chosen)


def remove(context: Context, name: str, hook_id: int, actor: str) -> bool:
    """Remove a hook of a workload; False when it has none with that id. Raises Refusal(no_such_workload)."""
    with context.database.writing() as session:
        workload = workload_named(session, name)
        provider = {one.id: one.provider for one in webhooks.of_workload(session, workload.id)}.get(hook_id)
        if provider is None or not webhooks.remove(session, workload.id, hook_id):
            return False
        event_log.note(session, workload.id, tell("hook_removed", provider=provider), now(), actor=actor)
        return True


def _check(provider: str, branch: str | None, tag: str | None, secret: str | None) -> None:
    if provider not in PROVIDERS:
        raise InvalidSpec("provider", KeyProblem.ONE_OF, allowed=", ".join(PROVIDERS))
    if branch is not None and tag is not None:
        raise InvalidSpec("tag", KeyProblem.CONFLICTS_WITH, other="branch")
    for key, value in (("branch", branch), ("tag", tag)):
        if value is not None and not is_pattern(value):
            raise InvalidSpec(key, KeyProblem.NOT_A_NAME_PATTERN)
    if secret is not None and PROVIDERS[provider].secret_in_address:
        raise InvalidSpec("secret", SourceProblem.SECRET_IN_ADDRESS, provider=provider)
    if secret is not None and not SECRET.fullmatch(secret):
        raise InvalidSpec("secret", KeyProblem.BAD_SECRET)


def _check_paths(provider: str, paths: Sequence[str] | None) -> None:
    if paths is None:
        return
    if PROVIDERS[provider].needs != "url":
        raise InvalidSpec("paths", SourceProblem.PATHS_NEED_GIT)
    if len(paths) > MOST_PATTERNS:
        raise InvalidSpec("paths", KeyProblem.TOO_MANY, limit=MOST_PATTERNS)
    if not paths or not all(is_filter(one) for one in paths):
        raise InvalidSpec("paths", SourceProblem.NOT_A_PATH_FILTER)
