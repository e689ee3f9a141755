"""The form field that a refused key of the spec belongs to. Pure."""

from __future__ import annotations

from db.messages.file_problems import FileProblem
from tasks.sources.invalid_spec import Reason
from webapp.forms.fields import EVERY
from webapp.forms.source_fields import SOURCES
from webapp.i18n.marking import N_

ANYWHERE = ""
_SHOWN_AT = {"health.tcp": "health.port", "log": "log.driver"}
NAME_TAKEN = N_("An app of this name exists already.")


def field_of_reason(reason: Reason, kind: str) -> str:
    """Return the field that a reason belongs to: what is wrong with a compose file, to the file, and a variable that it
    requires, to the variables."""
    if reason.problem is FileProblem.VARIABLE_REQUIRED:
        return "env"
    if isinstance(reason.problem, FileProblem) and kind == "compose":
        return "compose.text"
    return field_of(reason.key, kind)


def field_of(key: str, kind: str) -> str:
    """Return the field that a dotted key of the spec belongs to; ANYWHERE when the form has none for it."""
    parts = key.split(".")
    if parts[0] == "source":
        names = [field.name for field in SOURCES.get(kind, ())]
        # `source.build.args.NAME` belongs to git.build.args; a bare key is the last part of one.
        wanted = [f"{kind}.{'.'.join(parts[1:length])}" for length in range(len(parts), 1, -1)]
        found = [name for name in (*wanted, f"{kind}.{parts[-1]}") if name in names]
        return (found or names or [ANYWHERE])[0]
    if key in _SHOWN_AT:
        return _SHOWN_AT[key]
    for length in (2, 1):
        if (name := ".".join(parts[:length])) in EVERY:
            return name
    return ANYWHERE
