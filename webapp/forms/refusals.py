"""What the check of a spec refused, said beside the field that it concerns, in the language of the page."""

from __future__ import annotations

from tasks.invalid_spec import InvalidSpec
from webapp.forms.fields import EVERY, SOURCES
from webapp.i18n.i18n import gettext
from webapp.i18n.marking import N_

ANYWHERE = ""
NAME_TAKEN = N_("An app of this name exists already.")


def field_of(key: str, kind: str) -> str:
    """The field that a dotted key of the spec belongs to; ANYWHERE when the form has none for it."""
    parts = key.split(".")
    if parts[0] == "source":
        names = [field.name for field in SOURCES.get(kind, ())]
        wanted = f"{kind}.{parts[-1]}"
        return wanted if wanted in names else (names[0] if names else ANYWHERE)
    if key == "health.tcp":
        return "health.port"
    for length in (2, 1):
        if (name := ".".join(parts[:length])) in EVERY:
            return name
    return ANYWHERE


def told(refused: InvalidSpec) -> str:
    """Return the sentence of a refused key in the language of the page."""
    return gettext(refused.problem.sentence, **refused.limits)
