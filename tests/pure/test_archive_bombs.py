"""Archives that are small, and make whoever reads them read for ever, or keep more than fits into memory."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from db.states import ErrorCode
from tasks.content import archives
from tasks.failures import Failure
from tests.conftest import FAULTS

LIMIT = 1_000_000
MEGABYTE = 1 << 20
END = b"\0" * 1024
# Four million are more than enough: a list of them is larger than what reading an archive may take.
HOLES = (16 if FAULTS == "all" else 4) * MEGABYTE


def header(kind: bytes, size: int, name: str = "x") -> bytes:
    """A header that says what it likes."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def padded(data: bytes) -> bytes:
    """Whole blocks."""
    return data + b"\0" * (-len(data) % 512)


def pax(kind: bytes, **fields: str) -> bytes:
    """Fields for the next member, or for all of them."""
    records = b""
    for key, value in fields.items():
        record = f" {key.replace('_', '.')}={value}\n".encode()
        length = len(record)
        while len(str(length)) + len(record) != length:
            length = len(str(length)) + len(record)
        records += str(length).encode() + record
    return header(kind, len(records)) + padded(records)


def holes() -> list[bytes]:
    """A file of nothing but holes, each of which is named: two bytes, of which a list would make sixteen."""
    numbers = f"{HOLES}\n".encode()
    kind, size = {"GNU_sparse_major": "1", "GNU_sparse_minor": "0"}, len(numbers) + 4 * HOLES
    name = pax(tarfile.XHDTYPE, **kind, GNU_sparse_name="a", GNU_sparse_realsize="0")
    return [
        name + header(tarfile.REGTYPE, size) + numbers,
        *[b"0\n" * (MEGABYTE // 2)] * (4 * HOLES // MEGABYTE),
        padded(numbers),
    ]


def skipped() -> list[bytes]:
    """A file that has no content, of which there is much in the archive."""
    nothing = pax(tarfile.XHDTYPE, GNU_sparse_map="0,0", GNU_sparse_name="a", GNU_sparse_size="0")
    return [nothing + header(tarfile.REGTYPE, 600 * MEGABYTE), *[b"\0" * MEGABYTE] * 600]


def long(kind: bytes) -> list[bytes]:
    """A header of 64 MB."""
    return [header(kind, 64 * MEGABYTE), *[b"n" * MEGABYTE] * 64, header(tarfile.REGTYPE, 0)]


# Name -> what is in it, in parts.
BOMBS: dict[str, Callable[[], list[bytes]]] = {
    "a name": lambda: long(tarfile.GNUTYPE_LONGNAME),
    "the target of a link": lambda: long(tarfile.GNUTYPE_LONGLINK),
    "a comment": lambda: long(tarfile.XHDTYPE),
    "comments": lambda: [pax(tarfile.XGLTYPE, **{f"k{n}": "c" * 99_999}) for n in range(300)],
    "headers of headers": lambda: [pax(tarfile.XGLTYPE, comment="c") * 3000, header(tarfile.REGTYPE, 0)],
    "holes": holes,
    "what is skipped": skipped,
    "less than nothing": lambda: [header(tarfile.REGTYPE, 0, "a"), header(tarfile.REGTYPE, -512)],
    "more than there is room in a number": lambda: [header(tarfile.REGTYPE, 1 << 80)],
}


def refuses(archive: Path, into: Path) -> int:
    """The archive is refused; answers how many bytes of memory that took at most."""
    into.mkdir()
    tracemalloc.start()
    try:
        with pytest.raises(Failure) as caught:
            archives.unpack(archive, into, LIMIT)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        assert caught.value.code is ErrorCode.INVALID_SOURCE
        assert caught.value.__context__ is None


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_tar_that_says_more_of_itself_than_anybody_has_to_know_is_refused(tmp_path: Path, bomb: str) -> None:
    archive, packed = tmp_path / "x.tar.gz", cache(gzip.compress)
    archive.write_bytes(b"".join(packed(part) for part in [*BOMBS[bomb](), END]))
    assert refuses(archive, tmp_path / "into") < 16 * MEGABYTE


def test_a_zip_whose_list_is_longer_than_any_is_refused(tmp_path: Path) -> None:
    size = 40 * MEGABYTE
    archive = tmp_path / "x.zip"
    archive.write_bytes(b"\0" * size + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, size, 0, 0))
    assert refuses(archive, tmp_path / "into") < 16 * MEGABYTE


def test_a_tar_that_is_broken_in_the_middle_is_refused(tmp_path: Path) -> None:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        info = tarfile.TarInfo("a")
        info.size = 300_000
        tar.addfile(info, io.BytesIO(bytes(range(250)) * 1200))
    packed = bytearray(lzma.compress(plain.getvalue()))
    packed[len(packed) // 2] ^= 0xFF
    (tmp_path / "x.tar.xz").write_bytes(packed)
    refuses(tmp_path / "x.tar.xz", tmp_path / "into")


def test_a_zip_whose_link_is_encrypted_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        info = zipfile.ZipInfo("l")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "a")
    raw = bytearray((tmp_path / "x.zip").read_bytes())
    for begin, flag in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        raw[raw.index(begin) + flag] |= 1
    (tmp_path / "x.zip").write_bytes(raw)
    refuses(tmp_path / "x.zip", tmp_path / "into")


def test_long_names_and_holes_of_the_usual_kind_are_unpacked(tmp_path: Path) -> None:
    sparse = pax(tarfile.XHDTYPE, GNU_sparse_map="0,1,99999,1", GNU_sparse_name="holes", GNU_sparse_size="100000")
    name = "/".join(["d" * 90] * 4)
    named = pax(tarfile.XHDTYPE, path=name) + header(tarfile.REGTYPE, 3) + padded(b"abc")
    whole = sparse + header(tarfile.REGTYPE, 2) + padded(b"xy") + named + END
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(whole))
    (tmp_path / "into").mkdir()
    archives.unpack(tmp_path / "x.tar.gz", tmp_path / "into", LIMIT)
    assert (tmp_path / "into" / name).read_bytes() == b"abc"
    assert (tmp_path / "into" / "holes").read_bytes() == b"x" + b"\0" * 99_998 + b"y"
