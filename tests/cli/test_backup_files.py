"""The files of apps in a backup: what they are, what a restore leaves alone, and a file that was tampered with."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from db.backup import archive, files
from db.connection import Database
from db.settings import Settings
from tests import ledger_steps as steps
from tests.cli.conftest import Backstay


@pytest.fixture
def shop(database: Database, settings: Settings, now: datetime) -> Path:
    """A workload with files; answers its directory."""
    with database.writing() as session:
        steps.add_workload(session, now)
    store = settings.files / "shop" / "store"
    store.mkdir(parents=True)
    (store / "a").write_text("one")
    (store / "a").chmod(0o640)
    (store / "b").hardlink_to(store / "a")
    (store / "etc").symlink_to("/etc")
    (store / os.fsdecode(b"na\xffme\n")).write_bytes(b"\0\xff")
    (store / "empty").mkdir(mode=0o700)
    os.mkfifo(store / "pipe")
    os.chown(store / "a", 12, 34)
    copies = settings.files / files.COPIES
    copies.mkdir()
    (copies / "shop.json").write_text("{}")
    (settings.files / ".removed").mkdir()
    (settings.files / ".removed" / "7").mkdir()
    return settings.files / "shop"


@pytest.fixture
def other(settings: Settings, environment: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], Settings]:
    """Calling it makes another HOME the one that the environment names."""

    def change() -> Settings:
        environment.setenv("BACKSTAY_HOME", str(tmp_path / "other"))
        return settings.model_copy(update={"home": tmp_path / "other"})

    return change


def test_files_come_back_as_they_were(
    shop: Path, backstay: Backstay, bare: Backstay, tmp_path: Path, other: Callable[[], Settings]
) -> None:
    said = backstay("backup", str(tmp_path / "saved"), "--json")
    assert (said.code, said.json["format"], "files.tar" in said.json["members"]) == (0, 2, True)
    elsewhere = other()
    restored = bare("restore", str(tmp_path / "saved"))
    assert (restored.code, restored.err) == (0, "The files of shop were restored.\n")
    store = elsewhere.files / "shop" / "store"
    found = {one.name: one for one in store.iterdir()}
    assert sorted(os.fsencode(one) for one in found) == [b"a", b"b", b"empty", b"etc", b"na\xffme\n"]
    at = found["a"].stat()
    assert (found["a"].read_text(), at.st_mode & 0o777, at.st_uid, at.st_gid) == ("one", 0o640, 12, 34)
    assert found["b"].samefile(found["a"])
    assert str(found["etc"].readlink()) == "/etc"
    assert found["empty"].stat().st_mode & 0o777 == 0o700
    assert [one.name for one in elsewhere.files.iterdir() if one.name.startswith(".")] == [files.COPIES]
    assert (elsewhere.files / files.COPIES / "shop.json").read_text() == "{}"
    assert elsewhere.files.stat().st_mode & 0o777 == 0o700


def test_without_files_a_backup_is_what_it_was_before(
    shop: Path, backstay: Backstay, bare: Backstay, tmp_path: Path, other: Callable[[], Settings]
) -> None:
    said = backstay("backup", str(tmp_path / "saved"), "--no-files", "--json")
    assert (said.json["format"], "files.tar" in said.json["members"]) == (1, False)
    elsewhere = other()
    assert bare("restore", str(tmp_path / "saved")).code == 0
    assert not elsewhere.files.exists()


def test_a_restore_replaces_no_files_that_are_there(shop: Path, backstay: Backstay, tmp_path: Path) -> None:
    assert backstay("backup", str(tmp_path / "saved")).code == 0
    (shop / "store" / "a").write_text("newer")
    done = backstay("restore", str(tmp_path / "saved"), "--force", "--json")
    assert (done.json["files"], done.json["files_left"]) == ([], ["shop"])
    assert (shop / "store" / "a").read_text() == "newer"
    said = backstay("restore", str(tmp_path / "saved"), "--force")
    assert "HOME has files of shop; they were not replaced." in said.err


def test_a_backup_of_an_app_that_writes_and_deletes_is_whole(shop: Path, backstay: Backstay, tmp_path: Path) -> None:
    shrinking = tmp_path / "shrinking"
    shrinking.write_bytes(b"x" * 100)
    read = files._Exactly(shrinking.open("rb"), 300)
    assert [len(read.read(200)), len(read.read(200)), read.read(1)] == [200, 100, b""]


def test_a_link_in_the_place_of_a_directory_is_not_followed(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("of the host")
    deep = shop / "store" / "deep"
    deep.mkdir()
    (deep / "key").write_text("of the app")

    class Swapped(files._Walk):
        """The app acts between two steps."""

        def _add(self, tar: tarfile.TarFile, parts: tuple[str, ...], above: int) -> list[str]:
            found = super()._add(tar, parts, above)
            if parts[-1] == "deep":
                deep.rename(shop / "elsewhere")
                deep.symlink_to(tmp_path / "secret")
            return found

    tarred, root = io.BytesIO(), os.open(shop.parent, os.O_RDONLY)
    with tarfile.open(fileobj=tarred, mode="w") as tar:
        Swapped(root).into(tar, ["shop"])
    os.close(root)
    assert deep.is_symlink()
    assert b"shop/store/deep" in tarred.getvalue()
    assert b"of the host" not in tarred.getvalue()


Entry = tuple[tarfile.TarInfo, bytes]
SHOP = ("shop", tarfile.DIRTYPE)


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", content: bytes = b"") -> Entry:
    """An entry of a tar."""
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size, made.mode = kind, link, len(content), 0o755
    return made, content


@pytest.mark.parametrize(
    "entries",
    [
        [entry(*SHOP), entry("shop/../../out", content=b"x")],
        [entry("/shop", tarfile.DIRTYPE)],
        [entry("shop", tarfile.SYMTYPE, "/"), entry("shop/out", content=b"x")],
        [entry(*SHOP), entry("shop/a", tarfile.LNKTYPE, "../../secret")],
        [entry(*SHOP), entry("shop/l", tarfile.SYMTYPE, "/etc"), entry("shop/a", tarfile.LNKTYPE, "shop/l")],
        [entry(*SHOP), entry("shop/null", tarfile.CHRTYPE)],
        [entry("no/parent", content=b"x")],
        [entry(*SHOP), entry("shop/a", content=b"x"), entry("shop/a/b", content=b"x")],
        [entry(*SHOP), entry(*SHOP)],
        [entry(*SHOP), entry("shop/a", content=b"x"), entry("shop/a", content=b"y")],
        [entry(*SHOP), entry("shop/a", content=b"x"), entry("shop/a", tarfile.SYMTYPE, "/etc")],
    ],
)  # fmt: skip
def test_files_that_were_tampered_with_are_refused(
    entries: list[Entry], shop: Path, backstay: Backstay, bare: Backstay, tmp_path: Path,
    other: Callable[[], Settings], now: datetime,
) -> None:  # fmt: skip
    (tmp_path / "secret").write_text("of the host")
    assert backstay("backup", str(tmp_path / "good"), "--no-files").code == 0
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    manifest = archive.unpack(tmp_path / "good", unpacked)
    with tarfile.open(unpacked / "files.tar", "w") as tar:
        for info, content in entries:
            tar.addfile(info, io.BytesIO(content))
    members = {name: unpacked / name for name in (*manifest.members, "files.tar")}
    archive.pack(tmp_path / "bad", members, manifest.revision, now)  # type: ignore[arg-type]
    elsewhere = other()
    said = bare("restore", str(tmp_path / "bad"))
    assert said.code == 1
    assert "(backup_damaged)" in said.err
    assert not (elsewhere.home / "backstay.db").exists()
    assert not list(elsewhere.home.glob("*restor*"))
    assert not elsewhere.files.exists()
    assert not (tmp_path / "out").exists()
