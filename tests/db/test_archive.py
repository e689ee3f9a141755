"""The file of a backup: what goes in comes out, and what is not ours, or not whole, or not polite, does not."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from db.backup.archive import FORMAT, BackupRefused, pack, read_manifest, unpack


@pytest.fixture
def packed(tmp_path: Path, now: datetime) -> Path:
    """A good archive."""
    (tmp_path / "a").write_bytes(b"ledger" * 1000)
    (tmp_path / "b").write_bytes(b"key")
    pack(tmp_path / "archive", {"ledger.db": tmp_path / "a", "secret.key": tmp_path / "b"}, "0001", now)
    return tmp_path / "archive"


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """An empty directory."""
    (tmp_path / "room").mkdir()
    return tmp_path / "room"


Members = list[tuple[tarfile.TarInfo, bytes]]


def members(file: Path) -> Members:
    """What a tar has in it."""
    with tarfile.open(file) as tar:
        return [(entry, (tar.extractfile(entry) or io.BytesIO()).read()) for entry in tar.getmembers()]


def rewritten(file: Path, change: Callable[[Members], object]) -> Path:
    """The archive after somebody who knows tar had it in hand."""
    found = members(file)
    change(found)
    with tarfile.open(file, "w") as tar:
        for entry, content in found:
            entry.size = len(content) if entry.isreg() else 0
            tar.addfile(entry, io.BytesIO(content))
    return file


def with_manifest(file: Path, **changes: object) -> Path:
    """The archive with other words in its manifest."""

    def change(found: Members) -> None:
        words = json.loads(found[0][1]) | changes
        found[0] = (found[0][0], json.dumps(words).encode())

    return rewritten(file, change)


def refused(file: Path, room: Path) -> str:
    """The code that unpacking is refused with."""
    with pytest.raises(BackupRefused) as refusal:
        unpack(file, room)
    return refusal.value.code


def extra(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    """One more member."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry, b"" if kind != tarfile.REGTYPE else b"evil"


def test_what_went_in_comes_out_for_its_owner_only(packed: Path, room: Path) -> None:
    manifest = unpack(packed, room)
    assert manifest == read_manifest(packed)
    assert (room / "ledger.db").read_bytes() == b"ledger" * 1000
    assert {path.name for path in room.iterdir()} == {"ledger.db", "secret.key"}
    assert {path.stat().st_mode & 0o777 for path in [packed, *room.iterdir()]} == {0o600}


def test_any_tar_can_list_it(packed: Path) -> None:
    assert [entry.name for entry, _ in members(packed)] == ["manifest.json", "ledger.db", "secret.key"]


@pytest.mark.parametrize("content", [b"", b"x", b"PK\x03\x04" + b"x" * 4096, b"\0" * 10240])
def test_a_file_that_is_no_tar_is_foreign(tmp_path: Path, room: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert refused(tmp_path / "file", room) == "backup_foreign"


def test_a_tar_of_somebody_else_is_foreign(packed: Path, room: Path) -> None:
    assert refused(rewritten(packed, lambda found: found.pop(0)), room) == "backup_foreign"
    assert refused(rewritten(packed, lambda found: found.insert(0, extra("manifest.json"))), room) == "backup_foreign"


def test_a_byte_that_changed_anywhere_is_noticed(packed: Path, room: Path, tmp_path: Path) -> None:
    whole, offset = packed.read_bytes(), 0
    for offset in range(0, 8192, 97):
        broken = bytearray(whole)
        broken[offset] ^= 0x55
        (tmp_path / "broken").write_bytes(broken)
        directory = room / str(offset)
        directory.mkdir()
        try:
            unpack(tmp_path / "broken", directory)
        except BackupRefused as refusal:
            assert refusal.code in {"backup_damaged", "backup_foreign", "backup_newer"}
        else:  # padding, or a field of the tar that says nothing about the content
            assert (directory / "ledger.db").read_bytes() == b"ledger" * 1000
            assert (directory / "secret.key").read_bytes() == b"key"


def test_a_file_that_ends_early_is_damaged(packed: Path, room: Path) -> None:
    packed.write_bytes(packed.read_bytes()[:4000])
    assert refused(packed, room) == "backup_damaged"


@pytest.mark.parametrize(
    "member",
    [
        extra("../escaped"),
        extra("/tmp/escaped"),
        extra("secret.key"),
        extra("prefect-auth"),
        extra("link", tarfile.SYMTYPE, "/etc/passwd"),
        extra("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda member: member[0].name,
)
def test_a_member_that_the_manifest_does_not_name_is_refused(
    packed: Path, room: Path, member: tuple[tarfile.TarInfo, bytes]
) -> None:
    assert refused(rewritten(packed, lambda found: found.append(member)), room) == "backup_damaged"
    assert not (room.parent / "escaped").exists()
    assert not Path("/tmp/escaped").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE])
def test_a_member_that_is_no_plain_file_is_refused(packed: Path, room: Path, kind: bytes) -> None:
    def change(found: Members) -> None:
        found[1][0].type, found[1][0].linkname = kind, "/etc/passwd"

    assert refused(rewritten(packed, change), room) == "backup_damaged"
    assert list(room.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"program": "other"}, "backup_foreign"),
        ({"format": FORMAT + 1}, "backup_newer"),
        ({"format": "1"}, "backup_damaged"),
        ({"format": 0}, "backup_damaged"),
        ({"members": {}}, "backup_damaged"),
        ({"members": {"../../evil": {"size": 4, "sha256": "0" * 64}}}, "backup_damaged"),
        ({"created_at": "yesterday"}, "backup_damaged"),
        ({"revision": None}, "backup_damaged"),
    ],
)
def test_a_manifest_is_believed_only_when_it_makes_sense(
    packed: Path, room: Path, changes: dict[str, object], code: str
) -> None:
    assert refused(with_manifest(packed, **changes), room) == code


def test_a_file_that_is_there_is_not_overwritten(packed: Path, now: datetime) -> None:
    with pytest.raises(FileExistsError):
        pack(packed, {}, "0001", now)
