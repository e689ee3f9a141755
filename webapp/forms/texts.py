"""Conversion of input texts into the values of a spec and back. Pure.

A value that a line cannot hold as is (line breaks, surrounding blanks, a leading quote) is written as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import orjson

from webapp.i18n.marking import N_

_PORT = re.compile(
    r"(?:(?P<address>\[[0-9a-fA-F:.]+\]|[0-9.]+):(?=\d+:))?(?:(?P<host>\d{1,5}):)?(?P<container>\d{1,5})"
)

BAD_LINE = N_("Line %(line)s does not have the format that the note describes.")
TWICE = N_("Line %(line)s repeats a name of an earlier line.")
NO_NUMBER = N_("This is not a number.")
NEEDED = N_("This field is required.")


class Unreadable(Exception):  # noqa: N818 - it names what happened
    """A text that does not fit its field: an English message to translate, and the number of the line."""

    def __init__(self, text: str, line: int | None = None) -> None:
        super().__init__(text)
        self.text, self.line = text, line


def lines(text: str) -> list[tuple[int, str]]:
    """Return (number, text) of the lines that are not blank."""
    return [(at, line.strip()) for at, line in enumerate(re.split(r"\r\n|\r|\n", text), 1) if line.strip()]


def ports(text: str) -> list[dict[str, Any]]:
    """Parse 8080, 18080:8080, 127.0.0.1:18080:8080, [::1]:18080:8080. Raises Unreadable."""
    found = []
    for at, line in lines(text):
        match = _PORT.fullmatch(line)
        if match is None:
            raise Unreadable(BAD_LINE, at)
        port: dict[str, Any] = {"container": int(match["container"])}
        port |= {"host": int(match["host"])} if match["host"] else {}
        found.append(port | ({"address": match["address"].strip("[]")} if match["address"] else {}))
    return found


def ports_text(given: Iterable[dict[str, Any]]) -> str:
    """Format ports; the default address is left out."""
    return "\n".join(_port_text(port) for port in given)


def pairs(text: str) -> dict[str, str]:
    """Parse NAME=value, one per line. Raises Unreadable."""
    found: dict[str, str] = {}
    for at, line in lines(text):
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise Unreadable(BAD_LINE, at)
        if name.strip() in found:
            raise Unreadable(TWICE, at)
        found[name.strip()] = unquoted(value.strip(), at)
    return found


def pairs_text(given: dict[str, str]) -> str:
    """Format pairs."""
    return "\n".join(f"{name}={quoted(value)}" for name, value in given.items())


def volumes(text: str) -> list[dict[str, str]]:
    """Parse name:/path, one per line. Raises Unreadable."""
    found = []
    for at, line in lines(text):
        name, colon, path = line.partition(":")
        if not colon:
            raise Unreadable(BAD_LINE, at)
        found.append({"name": name, "path": path})
    return found


def volumes_text(given: Iterable[dict[str, str]]) -> str:
    """Format volumes."""
    return "\n".join(f"{volume['name']}:{volume['path']}" for volume in given)


def arguments(text: str) -> list[str]:
    """Parse one argument per line. Raises Unreadable."""
    return [unquoted(line, at) for at, line in lines(text)]


def arguments_text(given: Iterable[str]) -> str:
    """Format arguments."""
    return "\n".join(quoted(argument) for argument in given)


def number(text: str) -> int | float | None:
    """Parse a number; None for nothing. Raises Unreadable."""
    plain = text.strip().replace(",", ".")
    if not plain:
        return None
    if re.fullmatch(r"\d{1,12}", plain, re.ASCII):
        return int(plain)
    if re.fullmatch(r"\d{1,12}\.\d{1,6}", plain, re.ASCII):
        return float(plain)
    raise Unreadable(NO_NUMBER)


def quoted(value: str) -> str:
    """Quote the value if a line needs it."""
    is_plain = value.isprintable() and value == value.strip() and not value.startswith('"') and value
    return value if is_plain or value == "" else orjson.dumps(value).decode()


def unquoted(text: str, at: int) -> str:
    """Undo `quoted`. Raises Unreadable for a quote that does not end."""
    if not text.startswith('"'):
        return text
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, str):
        raise Unreadable(BAD_LINE, at)
    return value


def _port_text(port: dict[str, Any]) -> str:
    address = port.get("address", "127.0.0.1")
    if not port.get("host"):
        return str(port["container"])
    shown = "" if address == "127.0.0.1" else f"[{address}]:" if ":" in address else f"{address}:"
    return f"{shown}{port['host']}:{port['container']}"
