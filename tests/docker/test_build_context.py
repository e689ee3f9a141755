"""What a build sends: the files that .dockerignore leaves, links as links, and never anything from outside."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from db.states import ErrorCode
from tasks.failures import Failure
from tasks.images.build_context import directory_inside, file_inside, pack


def sent(context: Path, dockerfile: str = "Dockerfile") -> dict[str, tarfile.TarInfo]:
    """Name -> entry of the tar."""
    buffer = io.BytesIO()
    pack(context, dockerfile, buffer, 1_700_000_000)
    with tarfile.open(fileobj=buffer) as archive:
        return {entry.name: entry for entry in archive}


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A directory with a bit of everything; a secret lies beside it."""
    (tmp_path / "secret").write_text("of the host")
    root = tmp_path / "root"
    (root / "sub" / "deep").mkdir(parents=True)
    for name in ("Dockerfile", "a.txt", "b.log", "sub/c.log", "sub/deep/d.txt", ".env"):
        (root / name).write_text(name)
    (root / "out").symlink_to("../secret")
    (root / "away").symlink_to("/etc")
    (root / "here").symlink_to("sub")
    return root


def test_dockerignore_decides_and_the_dockerfile_is_always_there(context: Path) -> None:
    (context / ".dockerignore").write_text("# comment\n\n**/*.log\n!sub/c.log\nDockerfile\n.env\nsub/deep\n")
    names = set(sent(context))
    assert {"Dockerfile", "a.txt", "sub/c.log"} <= names
    assert not {"b.log", ".env", "sub/deep/d.txt"} & names


def test_links_are_sent_as_links_and_never_followed(context: Path) -> None:
    entries = sent(context)
    assert {name: entry.linkname for name, entry in entries.items() if entry.issym()} == {
        "out": "../secret",
        "away": "/etc",
        "here": "sub",
    }
    assert not any(name.startswith(("away/", "here/")) for name in entries)


def test_the_same_files_give_the_same_bytes(context: Path, tmp_path: Path) -> None:
    first, second = io.BytesIO(), io.BytesIO()
    pack(context, "Dockerfile", first, 5)
    os.utime(context / "a.txt", (1, 1))
    pack(context, "Dockerfile", second, 5)
    assert first.getvalue() == second.getvalue()


def test_a_dockerignore_that_is_a_link_is_not_read(context: Path) -> None:
    (context / ".dockerignore").symlink_to("../secret")
    assert "a.txt" in sent(context)


def test_a_pipe_is_refused(context: Path) -> None:
    os.mkfifo(context / "pipe")
    with pytest.raises(Failure) as caught:
        sent(context)
    assert caught.value.code == ErrorCode.INVALID_SOURCE


def test_a_link_that_leads_out_is_no_context_and_no_dockerfile(context: Path) -> None:
    assert directory_inside(context, "here") == (context / "sub").resolve()
    assert directory_inside(context, ".") == context.resolve()
    assert file_inside(context, "sub/deep/d.txt").name == "d.txt"
    for look, bad in ((directory_inside, "away"), (directory_inside, "none"), (directory_inside, "a.txt")):
        with pytest.raises(Failure) as caught:
            look(context, bad)
        assert caught.value.code == ErrorCode.INVALID_SOURCE
    for bad in ("out", "none", "sub"):
        with pytest.raises(Failure) as caught:
            file_inside(context, bad)
        assert caught.value.code == ErrorCode.INVALID_SOURCE
    with pytest.raises(Failure):
        sent(context, "out")
