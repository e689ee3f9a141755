"""A field of a form, as data. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """An input, called `name`; `shape` is text, lines, number, choice or flag; texts are to be translated."""

    name: str
    label: str
    shape: str = "text"
    hint: str = ""
    example: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    needed: bool = False
    many: bool = False  # one value per line
    pairs: bool = False  # one NAME=value per line
    folded: bool = False  # shown after "More"
