"""The submodules of a commit: found and fetched when it is pinned, and put into a checkout.

They are pinned like the commit itself, so a rollback needs no server for them either.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from db import event_log
from db.messages.events import Told, tell
from db.releases import Module
from db.states import ErrorCode
from tasks.context import now
from tasks.failures import Failure, attempt
from tasks.git.module_addresses import Link, allowed
from tasks.git.repository import MEGABYTE, Repository, submodule_of
from tasks.job import Job

MOST = 100  # all levels together
SHOWN = 10


def pinned(job: Job, repository: Repository, commit: str) -> list[Module]:
    """Return the submodules of a commit, those of submodules included, each fetched; none unless the source wants them.

    Raises Failure as Repository.bring does, and invalid_source for an address that is not allowed; the event log names
    the submodule.
    """
    if not job.release["source"].get("submodules"):
        return []
    found: list[Module] = []
    repository.bring(commit)
    waiting = [(repository, commit, repository.url, "")]
    while waiting:
        parent, at, url, prefix = waiting.pop(0)
        links = parent.submodules(at)
        written = parent.module_addresses(at) if links else {}
        for link in links:
            path = f"{prefix}{link.path}"
            module = _module(job, allowed(url, written, link, job.context.settings.git_protocols_allowed), path, link)
            if len(found) >= MOST:
                raise Failure(ErrorCode.INVALID_SOURCE, "size")
            found.append(module)
            inner = _bring(job, repository.url, module)
            waiting.append((inner, link.commit, module["url"], f"{path}/"))
    return found


def fill(job: Job, repository: Repository, commit: str, tree: Path, modules: Iterable[Module]) -> None:
    """Put pinned submodules into a checkout. Raises Failure: invalid_source (all together too large), and as bring."""
    modules = list(modules)
    limit = job.context.settings.source_max_mb * MEGABYTE
    parts = [
        (one, submodule_of(job.context, repository.url, one["url"], job.check_cancelled, job.notes.append))
        for one in modules
    ]
    for one, part in parts:
        _named(job, one["path"], lambda part=part, one=one: part.bring(one["commit"]))  # type: ignore[misc]
    if repository.size(commit) + sum(part.size(one["commit"]) for one, part in parts) > limit:
        raise Failure(ErrorCode.INVALID_SOURCE, "size")
    for one, part in parts:
        with part.checkout(one["commit"]) as files:
            _move(files, tree, one["path"])
    if not modules:
        note_empty(job, repository.submodules(commit))


def note_empty(job: Job, links: list[Link]) -> None:
    """Note that submodules stay empty, if there are any."""
    if links:
        shown = [link.path for link in links[:SHOWN]] + (["…"] if len(links) > SHOWN else [])
        note = tell("submodules_empty", version=job.deploy.version, count=len(links), paths=shown)
        job.notes += [note] if note not in job.notes else []


def _module(job: Job, url: str | None, path: str, link: Link) -> Module:
    if url is None:
        _tell(job, tell("submodule_refused", path=path))
        raise Failure(ErrorCode.INVALID_SOURCE, "submodule")
    return {"path": path, "url": url, "commit": link.commit}


def _bring(job: Job, main: str, module: Module) -> Repository:
    part = submodule_of(job.context, main, module["url"], job.check_cancelled, job.notes.append)
    _named(job, module["path"], lambda: part.bring(module["commit"]))
    return part


def _named(job: Job, path: str, action: Callable[[], object]) -> None:
    """Carry out an action for a submodule; a failure names it in the event log."""
    refused = attempt(action, Failure)
    if isinstance(refused, Failure):
        if refused.code not in {ErrorCode.CANCELLED, ErrorCode.INTERRUPTED}:
            _tell(job, tell("submodule_failed", path=path, code=refused.code))
        # For a pin that was valid once, "not found" means that it is gone.
        gone = job.is_rollback and refused.code is ErrorCode.REFERENCE_NOT_FOUND
        raise Failure(ErrorCode.PIN_UNAVAILABLE if gone else refused.code, refused.kind)


def _tell(job: Job, told: Told) -> None:
    with job.context.database.writing() as session:
        event_log.note(session, job.deploy.workload_id, told, now(), level="error")


def _move(files: Path, tree: Path, path: str) -> None:
    """Put files in the place of a submodule, unless something else is there: a link would lead elsewhere."""
    whole = tree.resolve()
    target = whole / path
    if os.path.realpath(target.parent) != str(target.parent) or target.is_symlink():
        raise Failure(ErrorCode.INVALID_SOURCE, "submodule")
    if target.exists():
        if not target.is_dir() or any(target.iterdir()):
            raise Failure(ErrorCode.INVALID_SOURCE, "submodule")
        target.rmdir()
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(files, target)
