"""NAME=value lines as a .env file has them: comments, `export`, quotes, values over several lines. Pure.

As Docker Compose reads them, but nothing is substituted: `$` is a character. In double quotes, the escapes of JSON
count; a backslash before anything else is one.
"""

from __future__ import annotations

import re

import orjson

from webapp.i18n.marking import N_

BAD_LINE = N_("Line %(line)s does not have the format that the note describes.")
TWICE = N_("Line %(line)s repeats a name of an earlier line.")
NO_EQUALS = N_("Line %(line)s has no =. Write NAME=value.")
NO_NAME = N_("Line %(line)s has no name in front of the =.")
OPEN_QUOTE = N_("The quote that begins in line %(line)s has no end.")
AFTER_QUOTE = N_("Line %(line)s has text after the closing quote.")

_EXPORT = re.compile(r"export\s+(?=\S)")
_QUOTED = re.compile(r"""'(?P<single>[^']*)'|"(?P<double>(?:[^"\\]|\\.)*)\"""", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "\\": "\\", "/": "/", "$": "$"}
_COMMENT = re.compile(r"\s#.*", re.DOTALL)


class Unreadable(Exception):  # noqa: N818 - it names what happened
    """A text that does not fit its field: an English message to translate, and the number of the line."""

    def __init__(self, text: str, line: int | None = None) -> None:
        super().__init__(text)
        self.text, self.line = text, line


def split(text: str) -> list[str]:
    """Return the lines of a text, whatever ends them."""
    return re.split(r"\r\n|\r|\n", text)


def pairs(text: str) -> dict[str, str]:
    """Parse NAME=value lines. Raises Unreadable with the line, and never its text. Takes time linear in the text."""
    text = "\n".join(split(text))
    found: dict[str, str] = {}
    at, line = 0, 1
    while at <= len(text):
        end = _end_of_line(text, at)
        if not (here := text[at:end].strip()) or here.startswith("#"):
            at, line = end + 1, line + 1
            continue
        before, equals, _ = text[at:end].partition("=")
        name = _EXPORT.sub("", before.strip(), count=1)
        if not equals or not name:
            raise Unreadable(NO_NAME if equals else NO_EQUALS, line)
        if name in found:
            raise Unreadable(TWICE, line)
        found[name], stop = _value(text, at + len(before) + 1, line)
        line += text.count("\n", at, stop) + 1
        at = stop + 1
    return found


def pairs_text(given: dict[str, str]) -> str:
    """Format pairs."""
    return "\n".join(f"{name}={quoted(value)}" for name, value in given.items())


def quoted(value: str) -> str:
    """Quote the value if a line needs it."""
    is_plain = value.isprintable() and value == value.strip() and value[:1] not in {'"', "'"}
    return value if is_plain and not _COMMENT.search(value) else orjson.dumps(value).decode()


def unquoted(text: str, at: int) -> str:
    """Undo `quoted` for a line that is one value. Raises Unreadable for a quote that does not end."""
    if not text.startswith('"'):
        return text
    match = _QUOTED.fullmatch(text)
    if match is None:
        raise Unreadable(BAD_LINE, at)
    return _unescaped(match["double"], at)


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _value(text: str, at: int, line: int) -> tuple[str, int]:
    """Return the value that begins at a place in this line, and where the line that it ends in does."""
    end = _end_of_line(text, at)
    given = text[at:end]
    begin = at + len(given) - len(given.lstrip())
    if text[begin : begin + 1] not in {'"', "'"}:
        return _COMMENT.sub("", given).strip(), end
    match = _QUOTED.match(text, begin)
    if match is None:
        raise Unreadable(OPEN_QUOTE, line)
    end = _end_of_line(text, match.end())
    rest = text[match.end() : end]
    if rest.strip() and not (rest[0].isspace() and rest.lstrip().startswith("#")):
        raise Unreadable(AFTER_QUOTE, line + text.count("\n", at, match.end()))
    return match["single"] if match["double"] is None else _unescaped(match["double"], line), end


def _unescaped(text: str, at: int) -> str:
    value = _ESCAPE.sub(lambda one: _character(one[1]), text)
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a pair
        pass
    else:
        return value
    raise Unreadable(BAD_LINE, at)


def _character(escaped: str) -> str:
    return chr(int(escaped[1:], 16)) if len(escaped) == 5 else _ESCAPED.get(escaped, f"\\{escaped}")
