"""Uploading the files of a static site over HTTP: streamed, checked, put into the spec; refused by key."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Callable

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


def test_an_upload_leaves_alone_how_the_files_are_served(admin: FlaskClient, site: str) -> None:
    serving = {"fallback": "index.html", "cache": [{"path": "/assets/*", "max_age_s": 60}]}
    assert admin.patch("/api/workloads/site", json={"source": {"kind": "static", **serving}}).status_code == 200
    content = admin.put(site, data=archive(a=b"1")).json["content"]
    assert admin.get("/api/workloads/site").json["spec"]["source"] == {"kind": "static", "content": content, **serving}


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


@pytest.mark.usefixtures("prefect_answers")
def test_a_site_is_created_and_its_files_are_sent_by_form(logged_in: Callable[[str], FlaskClient]) -> None:
    browser = logged_in("admin")
    made = browser.post("/new", data={"name": "site", "kind": "static", "deploy_now": "on"})
    assert (made.status_code, made.headers["Location"]) == (303, "/apps/site/deploy")
    assert 'enctype="multipart/form-data"' in browser.get("/apps/site/deploy").text
    wrong = browser.post("/apps/site/deploy?lang=ru", data={"files": (io.BytesIO(b"no archive"), "site.tar")})
    assert wrong.status_code == 422
    assert re.search(r'id="deploy-files-error">.*?<span>Это не tar и не zip', wrong.text)
    assert browser.get("/api/workloads/site").json["last"] is None
    sent = browser.post("/apps/site/deploy", data={"files": (io.BytesIO(archive(a=b"1")), "site.tgz")})
    assert (sent.status_code, sent.headers["Location"]) == (303, "/apps/site")
    found = browser.get("/api/workloads/site").json
    assert found["spec"]["source"]["content"].startswith("sha256:")
    assert found["last"]["trigger"] == "ui"
    assert "last uploaded files" in browser.get("/apps/site/deploy?lang=en").text
