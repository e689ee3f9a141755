"""A .env file pasted into the form: what is understood, and that a refusal names the line and the reason only."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.forms import dotenv
from webapp.forms.dotenv import Unreadable, pairs, pairs_text

FILE = """\
# The shop

export DATABASE_URL=postgres://shop:pa#ss@db/shop   # the one of production
EMPTY=
BLANK = padded\t
COLOUR=#fff
SINGLE='as $it is \\n # here'   # a comment
DOUBLE="two\\nlines, \\"quoted\\", \\$5"
KEY="-----BEGIN KEY-----
abc=
  # no comment

-----END KEY-----"
PATTERN="^\\d+\\.$"
JSON='{
  "a": 1
}'
\texport LAST=x=y
   # the end
"""


def test_a_whole_file_is_understood() -> None:
    assert (
        pairs(FILE)
        == pairs(FILE.replace("\n", "\r\n"))
        == {
            "DATABASE_URL": "postgres://shop:pa#ss@db/shop",
            "EMPTY": "",
            "BLANK": "padded",
            "COLOUR": "#fff",
            "SINGLE": "as $it is \\n # here",
            "DOUBLE": 'two\nlines, "quoted", $5',
            "KEY": "-----BEGIN KEY-----\nabc=\n  # no comment\n\n-----END KEY-----",
            "PATTERN": "^\\d+\\.$",
            "JSON": '{\n  "a": 1\n}',
            "LAST": "x=y",
        }
    )


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("A=1\nDATABASE_URL: hunter2", 2, dotenv.NO_EQUALS),
        ("export hunter2", 1, dotenv.NO_EQUALS),
        ("\n\n=hunter2", 3, dotenv.NO_NAME),
        ("A='\n\n'\nA=hunter2", 4, dotenv.TWICE),
        ("# one\nA='hunter2\nB=2", 2, dotenv.OPEN_QUOTE),
        ('A="hunter2\\"', 1, dotenv.OPEN_QUOTE),
        ("A='hunter2'x", 1, dotenv.AFTER_QUOTE),
        ("A='a\nhunter2' B=2", 2, dotenv.AFTER_QUOTE),
        ("A='hunter2'# no blank", 1, dotenv.AFTER_QUOTE),
        ('A="hunter2 \\ud800"', 1, dotenv.BAD_LINE),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_without_its_text(text: str, line: int, why: str) -> None:
    with pytest.raises(Unreadable) as caught:
        pairs(text)
    assert (caught.value.line, caught.value.text) == (line, why)
    assert "hunter2" not in why % {"line": line}


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,5}", fullmatch=True).filter(lambda name: name != "export")
texts = st.text(st.characters(codec="utf-8")) | st.text("ab #'\"\\\n\r\t$=", max_size=12)


@given(st.dictionaries(names, texts))
def test_every_value_comes_back_from_the_text_that_the_form_shows(values: dict[str, str]) -> None:
    assert pairs(pairs_text(values)) == values


MANY = "".join(f"A{number}='\n'\n" for number in range(9000))


@pytest.mark.parametrize(
    "text",
    [
        "A='" + "\n" * 99_000,
        'A="' + '\\"' * 49_000,
        "A=" + " " * 99_000 + "x",
        " " * 99_000,
        MANY,
    ],
)
def test_reading_takes_time_linear_in_the_text(text: str) -> None:
    began = time.process_time()
    with suppress(Unreadable):
        pairs(text)
    assert time.process_time() - began < 2
