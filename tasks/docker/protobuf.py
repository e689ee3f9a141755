"""The wire format of Protocol Buffers, as far as BuildKit's messages need it: a strict reader and a writer. Pure.

Knows no schemas: tasks.docker.build_trace and tasks.docker.build_session name the fields that they use.
"""

from __future__ import annotations

from collections.abc import Iterator

Value = int | bytes
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_LONGEST_VARINT = 10
_LARGEST_FIELD = 2**29 - 1


def fields(message: bytes) -> Iterator[tuple[int, Value]]:
    """Yield (number, value) of each field in its order: an int, or bytes for a string or a nested message.

    Raises ValueError where the bytes are no message: cut off, a varint of more than 64 bits, the number 0, a group.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if not 1 <= number <= _LARGEST_FIELD:
            raise ValueError("field number")
        value: Value
        if wire == _VARINT:
            value, at = _varint(message, at)
        elif wire in (_FIXED_64, _FIXED_32):
            raw, at = _taken(message, at, 8 if wire == _FIXED_64 else 4)
            value = int.from_bytes(raw, "little")
        elif wire == _BYTES:
            length, at = _varint(message, at)
            value, at = _taken(message, at, length)
        else:
            raise ValueError("wire type")
        yield number, value


def field(number: int, value: Value) -> bytes:
    """Return an encoded field: a varint for an int (64 bits, not negative), else its bytes with their length."""
    if isinstance(value, int):
        return _as_varint(number << 3 | _VARINT) + _as_varint(value)
    return _as_varint(number << 3 | _BYTES) + _as_varint(len(value)) + value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(message[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            if value >= 2**64:
                raise ValueError("varint")
            return value, at + index + 1
    raise ValueError("varint")


def _taken(message: bytes, at: int, length: int) -> tuple[bytes, int]:
    if length > len(message) - at:
        raise ValueError("length")
    return message[at : at + length], at + length


def _as_varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
