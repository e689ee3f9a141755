"""Sentences about refused keys, in the language of the page."""

from __future__ import annotations

from tasks.sources.invalid_spec import InvalidSpec
from webapp.i18n.i18n import gettext


def told(refused: InvalidSpec) -> str:
    """Return the sentence of a refused key in the language of the page."""
    return gettext(refused.problem.sentence, **refused.limits)
