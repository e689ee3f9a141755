"""The static kind: files become a hash, the hash an image on a server of the installation's choice.

The files themselves are stored by their hash (tasks.content.store), so a release can be built again when its image is
gone, whatever their origin and whatever has become of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from db import history, pins
from db.messages.events import tell
from db.releases import ContainerPin, Release, StaticPin
from db.serialize import pin_short
from db.states import ErrorCode
from tasks.containers import converge
from tasks.content import store, web_servers
from tasks.failures import Failure
from tasks.git.repository import Repository, working_directory
from tasks.images import base_images, reuse
from tasks.images.build_context import directory_inside
from tasks.images.build_log import BuildLog
from tasks.images.reuse import Materials
from tasks.job import Job
from tasks.kinds import lfs_pointers, submodules
from tasks.rollout import single
from tasks.rollout.protocol import Rollout
from tasks.sources.addresses import DEFAULT_REF
from tasks.sources.permitted import refused
from tasks.sources.serving import serving_of

UPLOAD = "an upload"


class StaticKind:
    """See tasks.kinds.SourceKind."""

    name = "static"
    takes: str | None = "ref"
    rollout: Rollout = single

    def requested(self, source: dict[str, Any]) -> str:
        """Return the directory, the repository with ref and folder, or the upload."""
        if url := source.get("url"):
            return " ".join((url, source.get("ref", DEFAULT_REF), source.get("root", ".")))
        return str(source.get("path") or f"{UPLOAD} {pin_short(source) or ''}".strip())

    def pin(self, job: Job) -> StaticPin:
        """Return {"kind", "content", "server", "root", "image_id": None}; "serving" where the source says how;
        of a repository also "url", "ref", "revision"."""
        source, settings = job.release["source"], job.context.settings
        if refused(source, settings):
            raise Failure(ErrorCode.INVALID_SOURCE, "not allowed")
        ref, revision = source.get("ref", DEFAULT_REF), ""
        if source.get("url"):
            found, ref, revision = _from_repository(job, source, ref)
        elif source.get("path"):
            found = store.keep(settings, _allowed(source["path"], settings.static_roots_allowed)).hash
        elif store.is_kept(settings, source.get("content", "")):
            found = source["content"]
        else:
            raise Failure(ErrorCode.INVALID_SOURCE, "nothing uploaded")
        pin: StaticPin = {
            "kind": self.name,
            "content": found,
            "server": settings.static_image,
            "root": settings.static_root,
            "image_id": None,
        }
        if serving := serving_of(source):
            pin["serving"] = serving
        if revision:
            pin.update({"url": source["url"], "ref": ref, "revision": revision})
        return pin

    def prepare(self, job: Job) -> ContainerPin:
        """Use the kept image of that content, else build a new one; adds "image_id" and "image_from"."""
        return reuse.provide(job, lambda log: _materials(job, log))

    def is_unchanged(self, job: Job) -> bool:
        """Return whether the live version serves these very files in the same configuration: files have no fresh start.

        False with secrets: their values may have changed.
        """
        if job.live is None or job.secrets:
            return False
        same = history.same_pin(job.live.pin, job.pin) and pins.image_id(job.live.pin) == pins.image_id(job.pin)
        if not same or _without_place(job.release) != _without_place(job.live_release):
            return False
        return self.rollout.runs_as_pinned(job.live, converge.observe(job.context, job.workload.name))


def _without_place(release: Release | None) -> dict[str, Any]:
    """Return the configuration without the origin of the files: the pin has them by content."""
    return {key: value for key, value in (release or {}).items() if key != "source"}


def _from_repository(job: Job, source: dict[str, Any], wanted: str) -> tuple[str, str, str]:
    """Return the hash of the files, the ref that was found, and its commit."""
    repository = Repository(job.context, source["url"], job.check_cancelled, job.notes.append)
    ref, commit = repository.locate(wanted)
    modules = submodules.pinned(job, repository, commit)
    with repository.checkout(commit) as tree:
        submodules.fill(job, repository, commit, tree, modules)
        files = directory_inside(tree, source.get("root", "."))
        lfs_pointers.note(job, tree.resolve(), [files])
        found = store.keep(job.context.settings, files)
    return found.hash, ref, commit


def _allowed(path: str, roots: tuple[str, ...]) -> Path:
    """Return the directory with every link on the way followed, if it is allowed."""
    real = Path(os.path.realpath(path))  # Path.resolve breaks at a link that leads to itself
    if not real.is_dir() or not any(real.is_relative_to(os.path.realpath(root)) for root in roots):
        raise Failure(ErrorCode.INVALID_SOURCE, "path")
    return real


@contextmanager
def _materials(job: Job, log: BuildLog) -> Iterator[Materials]:
    pin = cast("StaticPin", job.pinned)
    with working_directory(job.context) as directory:
        files = directory / "content"
        files.mkdir()
        store.give_back(job.context.settings, pin["content"], files)
        lines = [
            f"FROM {pin['server']}",
            f'COPY ["content/", "{pin["root"]}/"]',
            *_configured(job, pin, directory, log),
        ]
        (directory / "Dockerfile").write_text("".join(f"{line}\n" for line in lines))
        facts = {"version": str(pin_short(pin)), "source": pin.get("url"), "revision": pin.get("revision")}
        yield Materials(directory, "Dockerfile", {key: value for key, value in facts.items() if value})


def _configured(job: Job, pin: StaticPin, directory: Path, log: BuildLog) -> list[str]:
    """Write the server's configuration, where the pin says how files are served; return the lines of the Dockerfile for
    it. Raises Failure: invalid_source (a file that it names is not there, the server is none that is known),
    source_unavailable (the server image)."""
    serving = pin.get("serving")
    if serving is None:
        return []
    for key in ("fallback", "not_found"):
        name = serving.get(key)
        if name is not None and not (directory / "content" / str(name)).is_file():
            job.notes.append(tell("site_file_missing", key=f"source.{key}", file=name))
            raise Failure(ErrorCode.INVALID_SOURCE, key)
    base_images.bring(job.context, [pin["server"]], log, job.check_cancelled)
    image = job.context.docker.images.inspect(pin["server"])
    if image is None:
        raise Failure(ErrorCode.SOURCE_UNAVAILABLE, "server")
    server = web_servers.server_of([*image.entrypoint, *image.command])
    if server is None:
        job.notes.append(tell("site_server_unknown", image=pin["server"]))
        raise Failure(ErrorCode.INVALID_SOURCE, "server")
    text = web_servers.configuration(server, pin["root"], web_servers.port_of(image.exposed), serving)
    configuration = directory / "server.conf"
    configuration.write_text(text)
    configuration.chmod(0o644)  # for a server that runs as another user, whatever our umask is
    return [f'COPY ["server.conf", "{web_servers.PLACES[server]}"]']
