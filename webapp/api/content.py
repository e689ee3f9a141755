"""Upload of a static site as a tar or zip in the request body: streamed to disk, then checked."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from flask import Blueprint, Response, request

from flows.workloads import uploads
from webapp.http.answers import json_answer
from webapp.http.current import caller, context

blueprint = Blueprint("content", __name__, url_prefix="/api/workloads/<name>")


@blueprint.put("/content")
def put(name: str) -> Response:
    """Store the files for the next deploy and answer {"content", "files", "bytes"}."""
    uploads.check_kind(context(), name)  # before the body is read
    settings = context().settings
    request.max_content_length = settings.source_max_mb * 1_000_000
    settings.content.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=settings.content, prefix=".upload-") as archive:
        shutil.copyfileobj(request.stream, archive)
        archive.flush()
        found = uploads.take_in(context(), name, Path(archive.name), caller().actor)
    return json_answer({"content": found.hash, "files": found.files, "bytes": found.size})
