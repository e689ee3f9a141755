"""The sentence of any code that a person can meet: an error of a deploy, a refused request, a refused backup. Pure."""

from __future__ import annotations

from db.messages.errors import BACKUPS, ERRORS
from db.messages.refusals import RefusalCode
from db.states import ErrorCode

# For a code that is both, a row or a command shows the error's; the answer to a request has its own sentence.
SENTENCES: dict[str, str] = {
    **{str(code): code.sentence for code in RefusalCode},
    **{str(code): text for code, text in ERRORS.items()},
}


def sentence(code: str) -> str:
    """Return the sentence of a code; a general one for a code that this version does not know."""
    return SENTENCES.get(code) or BACKUPS.get(code) or ERRORS[ErrorCode.INTERNAL]
