"""The compose kind: the rendered file with every image pinned is the release.

A file is read once, by the host's own Docker Compose. The result is stored by its hash, and every later `up`, a
rollback's included, uses the stored one: no source, no registry and no parsing is needed for it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict, cast

from db import event_log, history, ledger, pins, workloads
from db.messages.events import Told, tell
from db.releases import ComposePin, Module, RegistryImage, ServicePin
from db.states import ErrorCode
from tasks.compose import builds, checkout, cli, deploy_files, external_files, model, policy, warning_log
from tasks.containers import converge
from tasks.context import now
from tasks.failures import Failure, translated
from tasks.git.repository import Repository, working_directory
from tasks.job import Job
from tasks.kinds import image, submodules
from tasks.kinds.git import checked_out
from tasks.rollout import compose
from tasks.rollout.protocol import Rollout
from tasks.sources.addresses import DEFAULT_REF
from tasks.sources.compose import DEFAULT_FILE


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
            repository = Repository(job.context, source["url"], job.check_cancelled)
            ref, commit = repository.locate(ref)
            modules = submodules.pinned(job, repository, commit)
            with repository.checkout(commit) as tree:
                submodules.fill(job, repository, commit, tree, modules)
                job.rendered = _of_checkout(job, source, tree.resolve())
        else:
            with working_directory(job.context) as folder:
                job.rendered = of_text(job, source, folder)
        warning_log.note_left_out(job)
        variables = [*job.release.get("env", {}), *job.release.get("secrets", [])]
        _refuse(job, model.unfilled(job.rendered, variables) or ([] if job.rendered["services"] else ["services"]))
        _refuse(job, model.unwritable(job.rendered))
        _forbid(job, policy.taken_names(job.rendered, _names_of_others(job), source["allow"]))
        wanted = model.references(job.rendered)
        _refuse(job, [f"{name}.image" for name, reference in wanted.items() if not model.is_image(reference)])
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


def of_text(job: Job, source: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Render a text, which stands alone: there are no files beside it that it could open. Raises Failure."""
    text = str(source["text"])
    _refuse(job, _readable(lambda: list(dict.fromkeys(one.key for one in external_files.opened(text)))))
    render = _Render(job, source, folder, ["-"], text.encode())
    _forbid_what_reaches_out(job, source, render, folder)
    stored, _ = deploy_files.with_own_files(job, render.model, folder)
    _refuse(job, [f"{name}.build" for name in model.builds(stored)])
    _refuse(job, [f"configs.{name}.file" for name, one in (stored.get("configs") or {}).items() if _is_of(one, folder)])
    return stored


def _is_of(config: dict[str, Any] | None, folder: Path) -> bool:
    return Path((config or {}).get("file") or "/").is_relative_to(folder)


def _of_checkout(job: Job, source: dict[str, Any], tree: Path) -> dict[str, Any]:
    files = source.get("file") or [DEFAULT_FILE]
    checkout.take_links_away(tree)
    if not all((tree / file).is_file() for file in files):
        raise Failure(ErrorCode.REFERENCE_NOT_FOUND, "file")
    _refuse(job, _readable(lambda: checkout.opened_outside(tree, files)))
    render = _Render(job, source, (tree / files[0]).parent, [str(tree / file) for file in files])
    _forbid_what_reaches_out(job, source, render, tree)
    stored, held = deploy_files.with_own_files(job, render.model, tree)
    whole, refused = checkout.copied(stored, tree)
    found, cannot = builds.relative(model.builds(whole), tree)
    _refuse(job, [*refused, *(f"{name}.build" for name in cannot)])
    deploy_files.fill(job, held)
    return whole | {
        "services": {
            name: one | ({"build": found[name]} if name in found else {}) for name, one in whole["services"].items()
        }
    }


def _forbid_what_reaches_out(job: Job, source: dict[str, Any], render: _Render, folder: Path) -> None:
    host = _host(job, folder)
    never = policy.out_of_reach(render.model, lambda: render.as_written, host)
    _refuse(job, never, tell("compose_out_of_reach", keys=never))
    _forbid(job, policy.refused(render.model, _project(job), source["allow"], host))


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


class _Render:
    """A file as Docker Compose renders it. `as_written` has its paths as the file has them, after interpolation."""

    def __init__(self, job: Job, source: dict[str, Any], folder: Path, files: list[str], text: bytes = b"") -> None:
        self._job, self._source, self._folder, self._files, self._text = job, source, folder, files, text
        self.model = self._rendered()

    @cached_property
    def as_written(self) -> dict[str, Any]:
        """The file with its paths as written."""
        return self._rendered("--no-path-resolution")

    def _rendered(self, *options: str) -> dict[str, Any]:
        job, marked = self._job, model.marks(self._job.release.get("secrets", []))
        arguments = [word for file in self._files for word in ("--file", file)]
        arguments += [word for profile in self._source["profiles"] for word in ("--profile", profile)]
        arguments += ["config", "--format", "json", *options]
        values = {**job.release.get("env", {}), **marked}
        heard = warning_log.listener(job)  # notes the same warning once
        said = cli.config(job.context, _project(job), self._folder, arguments, values, self._text, heard)
        return translated(
            lambda: model.unmarked(said, marked), ValueError, into=Failure(ErrorCode.INVALID_SOURCE, "compose")
        )


def _readable(look: Callable[[], list[str]]) -> list[str]:
    return translated(look, external_files.Unreadable, into=Failure(ErrorCode.INVALID_SOURCE, "yaml"))


def _forbid(job: Job, keys: list[str]) -> None:
    """Raise Failure if there are keys: ones that `source.allow` may name."""
    _refuse(job, keys, tell("compose_refused", keys=keys))


def _refuse(job: Job, keys: list[str], told: Told | None = None) -> None:
    """Raise Failure if there are keys; they go to the event log, the values nowhere."""
    if keys:
        with job.context.database.writing() as session:
            said = told or tell("compose_unusable", keys=keys)
            event_log.note(session, job.deploy.workload_id, said, now(), level="error")
        raise Failure(ErrorCode.INVALID_SOURCE, "refused")


def _host(job: Job, folder: Path) -> policy.Host:
    """Return what a file may mount of the host, links followed. `folder`: where its relative paths begin."""
    address = job.context.settings.engine_address
    own = [address.removeprefix("unix://")] if address.startswith("unix://") else []
    sockets = {*policy.DOCKER_SOCKETS, *own}
    settings = job.context.settings
    # Each may be a link to another disk.
    directories = [str(one) for one in (settings.home, settings.files, settings.work)]
    return policy.Host(str(folder), sockets, os.path.realpath, directories)


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


def _project(job: Job) -> str:
    return compose.project_of(job.context, job.workload.name)
