"""The shape of a table of problems of keys: a code with its two texts. Pure.

A clause follows the key ("ports must be a list"), in answers of the API and on the command line; a sentence is shown
beside a field of a form and is translated. Neither has a place for the value, which may be a secret.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Problem(StrEnum):
    """What is wrong with a value. Each code has a clause for the API and the CLI, and a sentence for forms."""

    clause: str
    sentence: str

    def __new__(cls, code: str, clause: str, sentence: str) -> Self:
        """Make a member from a line of the table."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.clause, member.sentence = clause, sentence
        return member
