"""Files uploaded for a static site: checked, stored by their hash, and put into the spec for the next deploy."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from db.messages.key_problems import KeyProblem
from db.models import Deploy
from flows.refusals import workload_named
from flows.requests import Asked, request_deploy
from flows.workloads.lifecycle import change
from tasks.content import archives, store
from tasks.content.store import Content
from tasks.context import Context
from tasks.failures import Failure
from tasks.sources.invalid_spec import InvalidSpec
from tasks.sources.serving import serving_of


def take_in(context: Context, name: str, given: Path, actor: str) -> Content:
    """Store a directory, a tar or a zip for a workload of kind static. Touches nothing that runs.

    Raises Refusal(no_such_workload), InvalidSpec: `content` for an archive that is refused, `source.kind` for another
    kind of workload.
    """
    check_kind(context, name)
    settings = context.settings
    settings.content.mkdir(mode=0o700, parents=True, exist_ok=True)
    refused = False
    try:
        with tempfile.TemporaryDirectory(dir=settings.content, prefix=".upload-") as directory:
            if not given.is_dir():
                archives.unpack(given, Path(directory), settings.source_max_mb * 1_000_000)
            found = store.keep(settings, given if given.is_dir() else Path(directory))
    except Failure:
        refused = True
    if refused:
        raise InvalidSpec("content", KeyProblem.BAD_ARCHIVE)
    kept = serving_of(check_kind(context, name))  # as it is now: an upload takes its time
    change(context, name, {"source": {"kind": "static", "content": found.hash, **kept}}, actor)
    return found


def check_kind(context: Context, name: str) -> dict[str, Any]:
    """Return the source of a workload that takes files. Raises InvalidSpec for another, Refusal(no_such_workload)."""
    with context.database.reading() as session:
        workload = workload_named(session, name)
    source: dict[str, Any] = workload.spec["source"]
    if source["kind"] != "static":
        raise InvalidSpec("source.kind", KeyProblem.TAKES_NO_FILES)
    return source


def deploy(
    context: Context, name: str, asked: Asked, image: str | None, ref: str | None, upload: Path | None
) -> Deploy:
    """Deploy as flows.requests does, after storing the uploaded files if there are any."""
    if upload is not None:
        if not upload.exists():
            raise InvalidSpec("upload", KeyProblem.NO_SUCH_PATH)
        take_in(context, name, upload, asked.actor)
    return request_deploy(context, name, asked, image, ref)
