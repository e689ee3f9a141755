"""Secrets and configs of a compose file that are files: of a repository they work, else a sentence says what does."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from db import workloads
from tasks.containers.snapshot import log_tail
from tasks.context import Context
from tests.docker.compose_app import App, of_repository
from tests.docker.scenario import Scenario
from tests.real_parts import wait_until

SECRET = 'top "s$cret" ${NO} it\'s\nsecond line of it\n'
FILE = """
services:
  web:
    image: %(image)s
    init: true
    secrets: [pw, {source: of_spec, target: other, mode: 0400}]
    configs: [{source: motd, target: /motd}, {source: text, target: /text}]
  none: {image: "%(image)s", init: true}
secrets:
  pw: {file: ../secrets/pw.txt}
  of_spec: {environment: TOKEN}
configs:
  motd: {file: ./motd}
  text: {content: "a text\\n"}
"""


def plain_texts(shop: Scenario, word: bytes) -> list[Path]:
    """The files of HOME that have a word."""
    return [path for path in shop.context.settings.home.rglob("*") if path.is_file() and word in path.read_bytes()]


def test_a_secret_that_is_a_file_of_a_repository_is_brought_and_taken_back(app: App, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "deploy/compose.yaml": FILE % {"image": app.image},
        "secrets/pw.txt": SECRET,
        "deploy/motd": "hello",
    }
    repository = of_repository(app, tmp_path, files, "deploy/compose.yaml")
    app.shop.change(secrets={"TOKEN": "of-the-spec"})
    first = app.shop.deploy()
    assert (first["status"], first["verified"]) == ("succeeded", True), app.shop.messages()
    assert app.run("cat /run/secrets/pw") == SECRET
    assert app.run("cat /run/secrets/other /motd /text") == "of-the-spechelloa text\n"
    assert plain_texts(app.shop, b"second line of it") == []
    # Another process shows what the container prints, and does not know the secret from a deploy.
    app.container().exec_run(["/bin/sh", "-c", "cat /run/secrets/pw > /proc/1/fd/1"])
    other = Context.open(app.shop.context.settings, "test-web", quiet=True)
    with closing(other), other.database.reading() as session:
        workload = workloads.find(session, app.shop.name)
        assert workload is not None
        wait_until(lambda: any("redacted" in line for line in log_tail(other, workload, 50)), 10, "nothing printed")
        assert "second line of it" not in str(log_tail(other, workload, 50))
    # The same content is the same release, and another one replaces its service alone.
    second = app.shop.deploy()
    assert second["pin"]["sha256"] == first["pin"]["sha256"]
    unchanged = app.container("none").id
    repository.commit({"secrets/pw.txt": "another one"})
    third = app.shop.deploy()
    assert third["status"] == "succeeded", app.shop.messages()
    assert app.run("cat /run/secrets/pw") == "another one"
    assert (third["pin"]["runs"]["web"]["since"], app.container("none").id) == (3, unchanged)
    shutil.rmtree(repository.path)
    assert app.shop.rollback(1)["status"] == "succeeded"
    assert app.run("cat /run/secrets/pw") == SECRET
    assert plain_texts(app.shop, b"second line of it") == []


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        ("secrets: {c: {file: ./secrets/pw.txt}}", "secrets without a content: secrets.c.file. "),
        ("secrets: {c: {file: /nonexistent/pw.txt}}", "secrets without a content: secrets.c.file. "),
        ("secrets: {c: {file: /dev/zero}}", "secrets without a content: secrets.c.file. "),
        ("secrets: {c: {external: true}}", "secrets without a content: secrets.c.external. "),
        ("configs: {c: {file: motd}}", "configs without a content: configs.c.file. "),
        ("configs: {c: {external: true}}", "configs without a content: configs.c.external. "),
        ("secrets: {c: {file: ../pw.txt}}", "has a path in secrets.c.file that an app cannot use"),
        ("secrets: {c: {file: /etc/passwd}}", "may not use secrets.c.file. "),
        ("secrets: {c: {environment: NO}}", "cannot be deployed with secrets.c.environment as it is"),
    ],
)
def test_what_has_no_content_is_refused_with_the_way_and_no_permission_is_asked_for(
    app: App, thing: str, said: str
) -> None:
    what = thing.partition(":")[0]
    source = {"kind": "compose", "text": f"services: {{web: {{image: '{app.image}', {what}: [c]}}}}\n{thing}"}
    app.create_from(source)
    assert said in app.refused()
    if "external" in thing:
        app.shop.change(source=source | {"allow": [f"{what}.c.external"]})
        assert said in app.refused()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\0\1\2", "files of these secrets cannot be used: secrets.pw.file. "),
        (b"\xff\xfe", "files of these secrets cannot be used: secrets.pw.file. "),
        (b"x" * 64_001, "files of these secrets cannot be used: secrets.pw.file. "),
        (b"", "files of these secrets cannot be used: secrets.pw.file. "),
        (None, "secrets without a content: secrets.pw.file. "),
    ],
    ids=["NUL", "no UTF-8", "too large", "empty", "a link out of the repository"],
)
def test_a_file_that_cannot_be_a_secret_is_named(app: App, tmp_path: Path, content: bytes | None, said: str) -> None:
    text = f"services: {{web: {{image: '{app.image}', secrets: [pw]}}}}\nsecrets: {{pw: {{file: pw.txt}}}}"
    repository = of_repository(app, tmp_path, {"compose.yaml": text, "pw.txt": b"x" if content is None else content})
    if content is None:
        (repository.path / "pw.txt").unlink()
        (repository.path / "pw.txt").symlink_to("/etc/passwd")
        repository.commit({"README": "x"})
    assert said in app.refused()
