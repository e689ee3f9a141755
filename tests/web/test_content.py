"""Uploading the files of a static site over HTTP: streamed, checked, put into the spec; refused by key."""

from __future__ import annotations

import io
import tarfile

import pytest
from flask.testing import FlaskClient

from tasks.context import Context


def archive(**files: bytes) -> bytes:
    """A gzipped tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture
def site(admin: FlaskClient) -> str:
    """A workload that takes files; the address to send them to."""
    created = admin.post("/api/workloads", json={"name": "site", "source": {"kind": "static"}})
    assert created.status_code == 201
    return "/api/workloads/site/content"


def test_an_upload_is_kept_by_its_hash_and_is_what_the_next_deploy_serves(
    admin: FlaskClient, viewer: FlaskClient, context: Context, site: str
) -> None:
    large = bytes(range(256)) * 8000  # more than any other body may have
    answer = admin.put(site, data=archive(a=b"1", b=large))
    assert answer.status_code == 200
    assert (answer.json["files"], answer.json["bytes"]) == (2, 1 + len(large))
    found = admin.get("/api/workloads/site").json
    assert found["spec"]["source"] == {"kind": "static", "content": answer.json["content"]}
    assert admin.put(site, data=archive(b=large, a=b"1")).json == answer.json
    assert len(list(context.settings.content.iterdir())) == 1
    assert viewer.put(site, data=archive()).status_code == 403


def test_what_is_no_archive_too_large_or_for_somebody_else_is_refused(
    admin: FlaskClient, context: Context, site: str, shop: int
) -> None:
    for bad in (b"", b"not an archive", archive(**{"../out": b"x"})):
        answer = admin.put(site, data=bad)
        assert (answer.status_code, answer.json["code"]) == (422, "invalid_spec")
        assert answer.json["detail"].startswith("content:")
    context.settings = context.settings.model_copy(update={"source_max_mb": 1})
    bomb = archive(zeros=b"\0" * 5_000_000)
    assert admin.put(site, data=bomb).json["code"] == "invalid_spec"
    assert admin.put(site, data=b"\0" * 1_000_001).json["code"] == "too_large"
    assert admin.put("/api/workloads/shop/content", data=archive()).json["detail"].startswith("source.kind:")
    assert admin.put("/api/workloads/nothing/content", data=archive()).status_code == 404
    assert list(context.settings.content.iterdir()) == []
