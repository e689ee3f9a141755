"""Lines of the event log in the language of the page. Lines stored without a code stay in English."""

from __future__ import annotations

from typing import Any

from db.messages.events import SENTENCES, listed
from db.models import Event
from webapp.i18n import words
from webapp.i18n.i18n import gettext
from webapp.presenters import shapes

# Parameter of a sentence -> the table with its labels.
_TABLES = {"stage": "stage_phrase", "code": "error"}


def line(entry: Event) -> dict[str, Any]:
    """Return the line as JSON, its message in the language of the page."""
    return shapes.event(entry) | {"message": message(entry)}


def message(entry: Event) -> str:
    """Return the sentence of a line; the stored English one when its code is unknown or a parameter is missing."""
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
