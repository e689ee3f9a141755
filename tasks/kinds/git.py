"""The git kind: a ref is resolved to a commit, the commit is checked out and its Dockerfile built by the Engine.

A commit that an earlier release was built from is not rebuilt while that image is kept: same source, same image.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from db.messages.events import tell
from db.releases import ContainerPin, GitPin, Module
from db.states import ErrorCode
from tasks.failures import Failure, attempt
from tasks.git.repository import Repository
from tasks.images import reuse
from tasks.images.build_context import directory_inside, file_inside, sent_files
from tasks.images.reuse import Materials
from tasks.job import Job
from tasks.kinds import lfs_pointers, submodules
from tasks.rollout import single
from tasks.rollout.protocol import Rollout
from tasks.sources.addresses import DEFAULT_REF
from tasks.sources.git import build_of


class GitKind:
    """See tasks.kinds.SourceKind."""

    name = "git"
    takes: str | None = "ref"
    rollout: Rollout = single

    def requested(self, source: dict[str, Any]) -> str:
        """Return the address and the ref."""
        return f"{source['url']} {source.get('ref', DEFAULT_REF)}"

    def pin(self, job: Job) -> GitPin:
        """Return {"kind", "url", "ref", "commit", "context", "dockerfile", "image_id": None}; "build" where the source
        has it, "modules" where it wants submodules and has some."""
        source = job.release["source"]
        repository = Repository(job.context, source["url"], job.check_cancelled, job.notes.append)
        ref, commit = repository.locate(source.get("ref", DEFAULT_REF))
        modules = submodules.pinned(job, repository, commit)
        pin: GitPin = {
            "kind": self.name,
            "url": source["url"],
            "ref": ref,
            "context": source["context"],
            "dockerfile": source["dockerfile"],
            "commit": commit,
            "image_id": None,
        }
        if build := build_of(source):
            pin["build"] = build
        if modules:
            pin["modules"] = modules
        return pin

    def prepare(self, job: Job) -> ContainerPin:
        """Use the kept image of that commit, else build a new one; adds "image_id" and "image_from"."""
        return reuse.provide(job, lambda _: _materials(job))

    def is_unchanged(self, job: Job) -> bool:
        """Return False: a person may deploy the same commit again for a fresh start."""
        return False


@contextmanager
def _materials(job: Job) -> Iterator[Materials]:
    pin = cast("GitPin", job.pinned)
    with checked_out(job, pin["url"], pin["commit"], pin.get("modules", [])) as tree:
        directory = directory_inside(tree, pin["context"])
        file_inside(directory, pin["dockerfile"])
        lfs_pointers.note(job, tree.resolve(), sent_files(directory, pin["dockerfile"]))
        facts = {"revision": pin["commit"], "source": pin["url"], "version": pin["ref"]}
        build = pin.get("build", {})
        secrets = _secrets(job, build.get("secrets", []))
        yield Materials(directory, pin["dockerfile"], facts, build.get("args", {}), build.get("target", ""), secrets)


def _secrets(job: Job, names: list[str]) -> dict[str, str]:
    """Return the current values of build secrets. Raises Failure(invalid_source) where one has none."""
    if missing := [name for name in names if name not in job.secrets]:
        job.notes.append(tell("build_secrets_missing", names=missing))
        raise Failure(ErrorCode.INVALID_SOURCE, "secrets")
    return {name: job.secrets[name] for name in names}


@contextmanager
def checked_out(job: Job, url: str, commit: str, modules: list[Module]) -> Iterator[Path]:
    """Check out the files of a pinned commit and its submodules. For a pin that was valid once, "not found" means
    that it is gone."""
    repository = Repository(job.context, url, job.check_cancelled, job.notes.append)
    brought = attempt(lambda: repository.bring(commit), Failure)
    if isinstance(brought, Failure):
        gone = job.is_rollback and brought.code is ErrorCode.REFERENCE_NOT_FOUND
        raise Failure(ErrorCode.PIN_UNAVAILABLE, "commit") if gone else brought.with_traceback(None)
    with repository.checkout(commit) as tree:
        submodules.fill(job, repository, commit, tree, modules)
        yield tree
