"""Conversion of input texts into the values of a spec and back. Pure.

A value that a line cannot hold as is (line breaks, surrounding blanks, a leading quote) is written as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from webapp.forms.dotenv import BAD_LINE, Unreadable, pairs, quoted, split, unquoted
from webapp.i18n.marking import N_
from webapp.presenters.spec_lines import volume_text

_PORT = re.compile(
    r"(?:(?P<address>\[[0-9a-fA-F:.]+\]|[0-9.]+):(?=[\d-]+:))?"
    r"(?:(?P<host>\d{1,5})(?:-(?P<host_to>\d{1,5}))?:)?(?P<container>\d{1,5})(?:-(?P<to>\d{1,5}))?(?:/(?P<protocol>tcp|udp))?"
)

_OF_VOLUMES = {"ro": "read_only", "existing": "existing"}

UNEVEN = N_("Line %(line)s has more ports on one side than on the other.")
BAD_LIMIT = N_("A limit is a number, or two with a colon between them.")
NO_NUMBER = N_("This is not a number.")
NEEDED = N_("This field is required.")


def lines(text: str) -> list[tuple[int, str]]:
    """Return (number, text) of the lines that are not blank."""
    return [(at, line.strip()) for at, line in enumerate(split(text), 1) if line.strip()]


def ports(text: str) -> list[dict[str, Any]]:
    """Parse 8080, 18080:8080, 127.0.0.1:18080:8080, [::1]:18080:8080, 53:53/udp, 18000-18010:8000-8010. Raises
    Unreadable."""
    found: list[dict[str, Any]] = []
    for at, line in lines(text):
        match = _PORT.fullmatch(line)
        if match is None:
            raise Unreadable(BAD_LINE, at)
        port: dict[str, Any] = {key: int(match[key]) for key in ("container", "to", "host") if match[key]}
        if match["host_to"] and int(match["host_to"]) - port["host"] != port.get("to", 0) - port["container"]:
            raise Unreadable(UNEVEN, at)
        texts = {"address": (match["address"] or "").strip("[]"), "protocol": match["protocol"]}
        found.append(port | {key: value for key, value in texts.items() if value})
    return found


def ports_text(given: Iterable[dict[str, Any]]) -> str:
    """Format ports; the default address is left out."""
    return "\n".join(_port_text(port) for port in given)


def volumes(text: str) -> list[dict[str, Any]]:
    """Parse name:/path and /host:/path, with :ro, :existing or both at the end, one per line. Raises Unreadable."""
    found = []
    for at, line in lines(text):
        source, colon, rest = line.partition(":")
        path, _, ending = rest.partition(":")
        words = ending.split(",") if ending else []
        if not colon or not {*words} <= _OF_VOLUMES.keys() or rest.endswith(":"):
            raise Unreadable(BAD_LINE, at)
        place = {"host_path" if source.startswith("/") else "name": source, "path": path}
        found.append(place | {_OF_VOLUMES[word]: True for word in words})
    return found


def volumes_text(given: Iterable[dict[str, Any]]) -> str:
    """Format volumes."""
    return "\n".join(volume_text(volume) for volume in given)


def arguments(text: str) -> list[str]:
    """Parse one argument per line. Raises Unreadable."""
    return [unquoted(line, at) for at, line in lines(text)]


def arguments_text(given: Iterable[str]) -> str:
    """Format arguments."""
    return "\n".join(quoted(argument) for argument in given)


def memory_files(text: str) -> list[dict[str, Any]]:
    """Parse /path or /path:MiB, one per line. Raises Unreadable."""
    found = []
    for at, line in lines(text):
        path, colon, size = line.partition(":")
        if colon and not re.fullmatch(r"\d{1,8}", size, re.ASCII):
            raise Unreadable(BAD_LINE, at)
        found.append({"path": path} | ({"size_mb": int(size)} if colon else {}))
    return found


def cache_rules(text: str) -> list[dict[str, Any]]:
    """Parse `/assets/* 31536000 immutable`, one rule per line. Raises Unreadable."""
    found = []
    for at, line in lines(text):
        path, *words = line.split()
        if not words or not re.fullmatch(r"\d{1,12}", words[0], re.ASCII) or words[1:] not in ([], ["immutable"]):
            raise Unreadable(BAD_LINE, at)
        found.append({"path": path, "max_age_s": int(words[0])} | ({"immutable": True} if words[1:] else {}))
    return found


def limits(text: str) -> dict[str, dict[str, int]]:
    """Parse name=limit or name=soft:hard, one per line. Raises Unreadable."""
    return {name: _limit_pair(value) for name, value in pairs(text).items()}


def _limit_pair(text: str) -> dict[str, int]:
    match = re.fullmatch(r"(-1|\d{1,16})(?::(-1|\d{1,16}))?", text, re.ASCII)
    if match is None:
        raise Unreadable(BAD_LIMIT)
    return {"soft": int(match[1]), "hard": int(match[2] or match[1])}


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


def word(text: str) -> str | None:
    """Return the text without surrounding blanks; None for nothing."""
    return text.strip() or None


def _port_text(port: dict[str, Any]) -> str:
    protocol = f"/{port['protocol']}" if port.get("protocol") else ""
    inside = f"{port['container']}-{port['to']}" if port.get("to") else str(port["container"])
    if not port.get("host"):
        return f"{inside}{protocol}"
    address = port.get("address", "127.0.0.1")
    shown = "" if address == "127.0.0.1" else f"[{address}]:" if ":" in address else f"{address}:"
    last = f"-{port['host'] + port['to'] - port['container']}" if port.get("to") else ""
    return f"{shown}{port['host']}{last}:{inside}{protocol}"
