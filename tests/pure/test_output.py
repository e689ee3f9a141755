"""What `backstay up` prints of its children, and what it keeps back."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from flows.supervisor.output import Output, is_noise, plain

PREFECT_GREETING = """
 ___ ___ ___ ___ ___ ___ _____
| _ \\ _ \\ __| __| __/ __|_   _|
|  _/   / _|| _|| _| (__  | |
|_| |_|_\\___|_| |___\\___| |_|

Configure Prefect to communicate with the server with:

    prefect config set PREFECT_API_URL=http://127.0.0.1:4200/api

View the API reference documentation at http://127.0.0.1:4200/docs

Check out the dashboard at http://127.0.0.1:4200
"""


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return tmp_path


def test_the_greeting_of_prefect_is_noise_and_its_warnings_are_not() -> None:
    assert all(is_noise("prefect", line) for line in PREFECT_GREETING.splitlines())
    assert not is_noise("prefect", "12:00:00.000 | WARNING | prefect.server - something is slow")
    assert not is_noise("engine", "|---|")


def test_each_line_stands_under_the_name_of_its_child(logs: Path) -> None:
    screen = io.StringIO()
    output = Output(logs, [], screen)
    output.child("web", "hello")
    output.child("prefect", "")
    output.say("up")
    assert screen.getvalue() == "web      | hello\nbackstay | up\n"


def test_colour_is_for_terminals_that_want_it(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = Terminal()
    Output(logs, [], coloured).say("up")
    monkeypatch.setenv("NO_COLOR", "1")
    plain_one = Terminal()
    Output(logs, [], plain_one).say("up")
    assert "\x1b[" in coloured.getvalue()
    assert "\x1b[" not in plain_one.getvalue()


def test_a_secret_reaches_neither_the_screen_nor_the_file(logs: Path) -> None:
    screen = io.StringIO()
    output = Output(logs, ["hunter2-hunter2"], screen)
    output.child("engine", "login with hunter2-hunter2 failed, Authorization: Basic dXNlcjpwYXNzd29yZA==")
    output.close()
    for text in (screen.getvalue(), (logs / "engine.log").read_text()):
        assert "hunter2" not in text
        assert "dXNlcjpw" not in text
        assert "failed" in text


def test_what_is_noise_on_the_screen_is_in_the_file_all_the_same(logs: Path) -> None:
    screen = io.StringIO()
    output = Output(logs, [], screen)
    output.child("prefect", "Check out the dashboard at http://127.0.0.1:4200")
    output.close()
    assert screen.getvalue() == ""
    assert "Check out the dashboard" in (logs / "prefect.log").read_text()


def test_a_child_cannot_rewrite_the_terminal() -> None:
    assert plain("\x1b[31mred\x1b[0m\x07 \x1b]0;title\ttab") == "red ]0;title\ttab"


def test_a_terminal_that_is_gone_stops_nothing(logs: Path) -> None:
    screen = io.StringIO()
    output = Output(logs, [], screen)
    screen.close()
    output.say("nobody reads this")
