"""A line of the event log in the language of the page. Lines from before the codes stay as they were written."""

from __future__ import annotations

from typing import Any

from db.messages.events import SENTENCES, listed
from db.models import Event
from webapp.i18n import words
from webapp.i18n.i18n import gettext
from webapp.presenters import shapes

# What a sentence is filled in with -> the table that has words for it.
_TABLES = {"stage": "stage", "code": "error"}


def line(entry: Event) -> dict[str, Any]:
    """The line as JSON has it, its message in the language of the page."""
    return shapes.event(entry) | {"message": message(entry)}


def message(entry: Event) -> str:
    """The sentence of a line; the English one when this version does not know its code or lacks what goes in."""
    text, params = SENTENCES.get(entry.code or ""), entry.params or {}
    if text is None:
        return entry.message
    filled = {name: _word(name, value) for name, value in params.items()}
    try:
        return gettext(text, **filled) if filled else gettext(text)
    except KeyError:
        return entry.message


def _word(name: str, value: Any) -> str:
    table = _TABLES.get(name)
    return gettext(words.word(value, table)) if table and isinstance(value, str) else listed(value)
