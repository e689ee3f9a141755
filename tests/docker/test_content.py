"""Files of static sites: the hash is of what they are, and nothing gets in or out by a link, a name or a bomb."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from db.settings import Settings
from db.states import ErrorCode
from tasks.content import archives, store
from tasks.failures import Failure

LIMIT = 1_000_000


def site(root: Path, **files: str) -> Path:
    """A directory with files; `a__b` stands for a/b."""
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def refused(action: Callable[[], object]) -> ErrorCode:
    """The code that an action ends with."""
    with pytest.raises(Failure) as caught:
        action()
    assert caught.value.__context__ is None
    return caught.value.code


def tar_of(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> Path:
    """A tar with exactly these members."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def member(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", data: bytes = b""
) -> tuple[tarfile.TarInfo, bytes]:
    """A member of a tar."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info, data


def test_the_hash_is_of_names_modes_and_bytes_and_of_nothing_else(settings: Settings, tmp_path: Path) -> None:
    one = store.keep(settings, site(tmp_path / "one", b="2", a="1", sub__c="3"))
    two = site(tmp_path / "two", sub__c="3", a="1", b="2")
    os.utime(two / "a", (1, 1))
    (two / "a").chmod(0o600)
    assert store.keep(settings, two) == one
    assert (one.files, one.size) == (3, 3)
    for name, change in {
        "bytes": lambda root: (root / "a").write_text("x"),
        "name": lambda root: (root / "a").rename(root / "z"),
        "mode": lambda root: (root / "a").chmod(0o755),
        "more": lambda root: (root / "more").write_text(""),
        "link": lambda root: (root / "link").symlink_to("a"),
    }.items():
        other = site(tmp_path / name, b="2", a="1", sub__c="3")
        change(other)
        assert store.keep(settings, other).hash != one.hash, name


def test_what_was_kept_comes_back_readable_for_everybody(settings: Settings, tmp_path: Path) -> None:
    source = site(tmp_path / "site", a="1", sub__b="2")
    (source / "sub" / "link").symlink_to("../a")
    (source / "a").chmod(0o700)
    kept = store.keep(settings, source)
    before, into = os.umask(0o077), tmp_path / "back"
    into.mkdir()
    try:
        store.give_back(settings, kept.hash, into)
    finally:
        os.umask(before)
    assert (into / "sub" / "b").read_text() == "2"
    assert (into / "sub" / "link").readlink() == Path("../a")
    assert [stat.S_IMODE((into / name).stat().st_mode) for name in ("a", "sub/b", "sub")] == [0o755, 0o644, 0o755]
    assert store.keep(settings, into) == kept
    (path,) = settings.content.glob("*.tar")
    path.write_bytes(path.read_bytes().replace(b"sub/b", b"sub/x"))
    (again := tmp_path / "again").mkdir()
    assert refused(lambda: store.give_back(settings, kept.hash, again)) == ErrorCode.PIN_UNAVAILABLE
    path.unlink()
    assert refused(lambda: store.give_back(settings, kept.hash, again)) == ErrorCode.PIN_UNAVAILABLE
    assert not store.is_kept(settings, kept.hash)
    assert not store.is_kept(settings, "")


@pytest.mark.parametrize("target", ["/etc/passwd", "../secret", "sub/../../secret", "a/../../../x"])
def test_a_link_that_leads_out_of_a_directory_is_refused(settings: Settings, tmp_path: Path, target: str) -> None:
    (tmp_path / "secret").write_text("of the host")
    source = site(tmp_path / "site", a="1")
    (source / "link").symlink_to(target)
    assert refused(lambda: store.keep(settings, source)) == ErrorCode.INVALID_SOURCE
    assert not settings.content.exists() or list(settings.content.iterdir()) == []


def test_two_links_that_stay_inside_do_not_lead_out_together(settings: Settings, tmp_path: Path) -> None:
    source = site(tmp_path / "site", deep__a="1")
    (source / "deep" / "up").symlink_to("..")
    (source / "beside").symlink_to("deep/up/deep/a")
    kept = store.keep(settings, source)
    assert (source / "beside").read_text() == "1"
    (source / "out").symlink_to("deep/up/..")  # reads as `deep`, and is the directory above all
    assert (source / "out").resolve() == tmp_path
    assert refused(lambda: store.keep(settings, source)) == ErrorCode.INVALID_SOURCE
    assert [path.stem for path in settings.content.iterdir()] == [kept.hash.removeprefix("sha256:")]


def test_a_pipe_and_too_much_are_refused(settings: Settings, tmp_path: Path) -> None:
    small = settings.model_copy(update={"source_max_mb": 1})
    big = site(tmp_path / "big", a="x" * 1_000_001)
    assert refused(lambda: store.keep(small, big)) == ErrorCode.INVALID_SOURCE
    os.mkfifo(site(tmp_path / "site", a="1") / "pipe")
    assert refused(lambda: store.keep(settings, tmp_path / "site")) == ErrorCode.INVALID_SOURCE


def test_what_nothing_needs_goes_after_an_hour(settings: Settings, tmp_path: Path) -> None:
    one, two = (store.keep(settings, site(tmp_path / name, a=name)) for name in ("one", "two"))
    (settings.content / ".upload-x").mkdir()
    (settings.content / ".upload-y").symlink_to("nowhere")  # as one that ends between being listed and being looked at
    moment = (settings.content / ".upload-x").stat().st_mtime
    assert store.prune(settings, {one.hash}, moment + 60) == 0
    assert store.prune(settings, {one.hash}, moment + 4000) == 2
    assert [store.is_kept(settings, each.hash) for each in (one, two)] == [True, False]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_becomes_the_files_that_are_in_it(tmp_path: Path, mode: str) -> None:
    run = member("./sub/run", data=b"#!")
    run[0].mode = 0o755
    members = [member("./", tarfile.DIRTYPE), member("./a", data=b"1"), run, member("./l", tarfile.SYMTYPE, "sub/run")]
    into = tmp_path / "into"
    into.mkdir()
    archives.unpack(tar_of(tmp_path / "x.tar", *members, mode=mode), into, LIMIT)
    assert (into / "a").read_text() == "1"
    assert os.access(into / "l", os.X_OK)


@pytest.mark.parametrize(
    "members",
    [
        [member("../out", data=b"x")],
        [member("/etc/out", data=b"x")],
        [member("a/../../out", data=b"x")],
        [member("a\\..\\out", data=b"x")],
        [member("l", tarfile.SYMTYPE, "/etc"), member("l/passwd", data=b"x")],
        [member("l", tarfile.SYMTYPE, "sub"), member("l/file", data=b"x")],
        [member("l", tarfile.SYMTYPE, "../out")],
        [member("a", data=b"x"), member("h", tarfile.LNKTYPE, "a")],
        [member("h", tarfile.LNKTYPE, "/etc/passwd")],
        [member("null", tarfile.CHRTYPE)],
        [member("pipe", tarfile.FIFOTYPE)],
        [member("twice", data=b"1"), member("twice", data=b"2")],
        [member("big", data=b"\0" * (LIMIT + 1))],
    ],
    ids=lambda members: " ".join(f"{one.name}:{one.type.decode()}" for one, _ in members),
)
def test_a_tar_with_a_trick_in_it_is_refused_and_writes_nothing_outside(tmp_path: Path, members: list) -> None:
    into = tmp_path / "deep" / "into"
    into.mkdir(parents=True)
    archive = tar_of(tmp_path / "x.tar", *members, mode="w:gz")
    assert refused(lambda: archives.unpack(archive, into, LIMIT)) == ErrorCode.INVALID_SOURCE
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"into"}
    assert {path.name for path in tmp_path.iterdir()} == {"deep", "x.tar"}


def zip_of(path: Path, *members: tuple[str, bytes, int]) -> Path:
    """A zip with exactly these members: name, bytes, Unix mode."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data, mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return path


def test_a_zip_becomes_the_files_that_are_in_it(tmp_path: Path) -> None:
    into = tmp_path / "into"
    into.mkdir()
    archive = zip_of(tmp_path / "x.zip", ("a", b"1", 0), ("sub/", b"", 0o40755), ("sub/run", b"#!", 0o100755))
    archives.unpack(archive, into, LIMIT)
    assert (into / "a").read_text() == "1"
    assert os.access(into / "sub" / "run", os.X_OK)


@pytest.mark.parametrize(
    "members",
    [
        [("../out", b"x", 0)],
        [("/etc/out", b"x", 0)],
        [("l", b"/etc", 0o120777), ("l/passwd", b"x", 0)],
        [("l", b"../out", 0o120777)],
        [("null", b"", 0o20666)],
        [("bomb", b"\0" * (20 * LIMIT), 0)],
    ],
    ids=lambda members: " ".join(name for name, _, _ in members),
)
def test_a_zip_with_a_trick_in_it_is_refused(tmp_path: Path, members: list) -> None:
    into = tmp_path / "into"
    into.mkdir()
    archive = zip_of(tmp_path / "x.zip", *members)
    assert refused(lambda: archives.unpack(archive, into, LIMIT)) == ErrorCode.INVALID_SOURCE
    assert sum(path.stat().st_size for path in into.rglob("*") if path.is_file()) <= LIMIT


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"not an archive")
    (tmp_path / "cut").write_bytes(
        tar_of(tmp_path / "y", member("a", data=b"x" * 99_999), mode="w:gz").read_bytes()[:80]
    )
    (into := tmp_path / "into").mkdir()
    for name in ("x", "cut"):
        assert refused(lambda name=name: archives.unpack(tmp_path / name, into, LIMIT)) == ErrorCode.INVALID_SOURCE
