"""The compose kind: the rendered file with every image pinned is the release.

A file is read once, by the host's own Docker Compose. The result is stored by its hash, and every later `up`, a
rollback's included, uses the stored one: no source, no registry and no parsing is needed for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, TypedDict, cast

from db import event_log, history, ledger, pins, workloads
from db.messages.events import tell
from db.messages.file_problems import FileProblem
from db.releases import ComposePin, Module, RegistryImage, ServicePin
from db.states import ErrorCode
from tasks.compose import builds, checkout, deploy_files, model, secret_files
from tasks.compose.reading import examine, refusal_log, warning_log
from tasks.compose.reading.render import project_of
from tasks.containers import converge
from tasks.context import now
from tasks.failures import Failure
from tasks.git.repository import Repository, working_directory
from tasks.job import Job
from tasks.kinds import image, lfs_pointers, submodules
from tasks.kinds.git import checked_out
from tasks.rollout import compose
from tasks.rollout.protocol import Rollout
from tasks.sources.addresses import DEFAULT_REF
from tasks.sources.compose import DEFAULT_FILE

Others = Callable[[], Collection[str] | None]


class _Built(TypedDict):
    image_id: str
    image_from: str


class ComposeKind:
    """See tasks.kinds.SourceKind."""

    name = "compose"
    takes: str | None = "ref"
    rollout: Rollout = compose

    def requested(self, source: dict[str, Any]) -> str:
        """Return where the files come from; for a text, that it is one."""
        if "url" in source:
            return (
                f"{source['url']} {source.get('ref', DEFAULT_REF)}: {', '.join(source.get('file') or [DEFAULT_FILE])}"
            )
        return f"text {hashlib.sha256(source['text'].encode()).hexdigest()[:12]}"

    def pin(self, job: Job) -> ComposePin:
        """Return {"kind", "services": {name: {"image", "repository", "digest", "image_id"}}}; for a repository "url",
        "ref", "commit" too, and for a service that is built "build": its recipe. Sets `job.rendered`. Refuses what is
        not allowed, before anything is changed."""
        source = job.release["source"]
        ref, commit, modules = source.get("ref", DEFAULT_REF), "", list[Module]()
        if "url" in source:
            repository = Repository(job.context, source["url"], job.check_cancelled, job.notes.append)
            ref, commit = repository.locate(ref)
            modules = submodules.pinned(job, repository, commit)
            with repository.checkout(commit) as tree:
                submodules.fill(job, repository, commit, tree, modules)
                job.rendered = _of_checkout(job, source, tree.resolve())
        else:
            with working_directory(job.context) as folder:
                job.rendered = of_text(job, folder)
        warning_log.note_left_out(job)
        wanted = model.references(job.rendered)
        here = model.from_host(job.rendered)
        found = {one: image.resolve(job, one, from_host=one in here) for one in sorted(set(wanted.values()))}
        services = {name: _of_service(found[one]) for name, one in wanted.items()}
        services |= {name: _to_be_built(one) for name, one in job.rendered["services"].items() if "build" in one}
        pin: ComposePin = {"kind": self.name, "services": services}
        if commit:
            pin.update({"url": source["url"], "ref": ref, "commit": commit})
            pin |= {"modules": modules} if modules else {}
        return pin

    def prepare(self, job: Job) -> ComposePin:
        """Bring every image here and store the file; the pin gets "sha256", which names the file, and "runs". Where
        something is built, "image_from" of such a service and of the whole says whether that was done now."""
        pin = cast("ComposePin", job.pinned)
        built = _built(job, pin)
        provided = {name: _provided(job, one, built.get(name)) for name, one in pin["services"].items()}
        before = pins.runs(job.live.pin) if job.live else None
        with job.context.database.reading() as session:
            stored = job.rendered or workloads.document(session, pin["sha256"])
        values = {**job.release.get("env", {}), **job.secrets}
        exact = stored if job.is_rollback else model.pinned(stored, provided)
        key = job.context.vault.fingerprint_key
        runs = model.runs(exact, job.deploy.version, values, key, before)
        with job.context.database.writing() as session:
            # In one transaction with the row that names it, so that pruning never sees it as unused.
            sha = workloads.keep_document(session, exact, now())
            complete: ComposePin = {**pin, "sha256": sha, "services": provided, "runs": runs}
            if built:
                complete["image_from"] = _on_the_whole(built.values())
            ledger.record_pin(session, job.deploy.id, complete)
        return complete

    def is_unchanged(self, job: Job) -> bool:
        """Return False: a person may deploy the same file again for a fresh start."""
        return False


def of_text(job: Job, folder: Path, others: Others | None = None) -> dict[str, Any]:
    """Render a text, which stands alone, into what a release stores. `others`: the names that its containers may not
    have, by default those of the containers that are not the workload's. Raises Failure."""
    return _accepted(job, examine.of_text(_order(job, others), folder.resolve()))


def _of_checkout(job: Job, source: dict[str, Any], tree: Path) -> dict[str, Any]:
    checkout.take_links_away(tree)
    if gone := [file for file in source.get("file") or [DEFAULT_FILE] if not (tree / file).is_file()]:
        with job.context.database.writing() as session:
            told = tell(FileProblem.FILE_MISSING, keys=["source.file"], paths=gone)
            event_log.note(session, job.deploy.workload_id, told, now(), level="error")
        raise Failure(ErrorCode.REFERENCE_NOT_FOUND, "file")
    lfs_pointers.note(job, tree, [tree / file for file in job.release["source"].get("file") or [DEFAULT_FILE]])
    found = examine.of_checkout(_order(job), tree)
    lfs_pointers.note(job, tree, lfs_pointers.used_by(found.rendered, tree))
    stored = _accepted(job, found)
    deploy_files.fill(job, found.held)
    return stored


def _order(job: Job, others: Others | None = None) -> examine.Order:
    source = job.release["source"]
    return examine.Order(
        job.context,
        job.workload.name,
        project_of(job.context, job.workload.name),
        source,
        job.release.get("env", {}),
        job.release.get("secrets", []),
        has=deploy_files.existence(job),
        others=others or (lambda: _names_of_others(job)),
        heard=warning_log.listener(job),  # notes the same warning once
        sealed=_sealed_before(job),
    )


def _sealed_before(job: Job) -> dict[str, str]:
    live = pins.of_compose(job.live.pin) if job.live else None
    with job.context.database.reading() as session:
        return secret_files.of(workloads.document(session, live["sha256"]) if live else None)


def _accepted(job: Job, found: examine.Examined) -> dict[str, Any]:
    """Return the file to store. Raises Failure if there is any reason against it."""
    job.rendered = found.stored
    if found.not_built:
        job.notes.append(tell("compose_not_built", version=job.deploy.version, services=found.not_built))
    refusal_log.refuse(job, found)
    deploy_files.refuse_to_leave_behind(job, found.stored)
    return found.stored


def _built(job: Job, pin: ComposePin) -> dict[str, _Built]:
    """Return service -> "image_id" and "image_from" of those that are built. A rollback uses the kept images, and
    rebuilds missing ones from the commit; a deploy leaves that to the Engine's cache."""
    recipes = {name: one["build"] for name, one in pin["services"].items() if one.get("build")}
    found = _kept(job, pin, recipes) if job.is_rollback else {}
    gone = {name: recipe for name, recipe in recipes.items() if name not in found}
    if not gone:
        return found
    blank: ComposePin = {**pin, "services": {name: _blank(one, name in gone) for name, one in pin["services"].items()}}
    with job.context.database.writing() as session:
        # While the row has no image, no image counts as unneeded.
        ledger.record_pin(session, job.deploy.id, blank)
    with checked_out(job, pin["url"], pin["commit"], pin.get("modules", [])) as tree:
        ids = builds.build_all(job, gone, tree.resolve(), pin["url"])
    if job.is_rollback:
        with job.context.database.writing() as session:
            commit = pin["commit"][:12]
            told = tell("services_built_again", version=job.deploy.version, services=sorted(gone), source=commit)
            event_log.note(session, job.deploy.workload_id, told, now())
    return found | {name: _Built(image_id=image_id, image_from="build") for name, image_id in ids.items()}


def _kept(job: Job, pin: ComposePin, recipes: Collection[str]) -> dict[str, _Built]:
    """Return the host's images of these services: of the release itself, else of one rebuilt from it."""
    with job.context.database.reading() as session:
        rows = history.succeeded(session, job.deploy.workload_id)
        same = [one for row in rows if history.same_pin(row.pin, pin) and (one := pins.of_compose(row.pin))]
    found: dict[str, _Built] = {}
    for name in recipes:
        ids = (one["services"][name]["image_id"] for one in (pin, *same))
        there = next((one for one in ids if one and job.context.docker.images.inspect(one) is not None), None)
        if there is not None:
            found[name] = _Built(image_id=there, image_from="kept")
    return found


def _on_the_whole(built: Iterable[_Built]) -> str:
    return "build" if any(one["image_from"] == "build" for one in built) else "kept"


def _names_of_others(job: Job) -> set[str]:
    """Return the names of the containers that are not this workload's."""
    mine = {one.name for one in converge.observe(job.context, job.workload.name)}
    return {name for one in job.context.docker.containers.list_all() for name in one.names} - mine


def _provided(job: Job, pin: ServicePin, built: _Built | None) -> ServicePin:
    if built is None:
        return {**_of_service(pin), "image_id": image.provide(job, pin)}
    return {**pin, "image_id": built["image_id"], "image_from": built["image_from"]}


def _blank(pin: ServicePin, gone: bool) -> ServicePin:
    return {**pin, "image_id": None} if gone else pin


def _of_service(pin: RegistryImage) -> ServicePin:
    return {key: pin[key] for key in ("image", "repository", "digest", "image_id")}  # type: ignore[return-value]


def _to_be_built(service: dict[str, Any]) -> ServicePin:
    name, recipe = str(service.get("image") or ""), service["build"]
    return {"image": name, "repository": None, "digest": None, "image_id": None, "build": recipe}
