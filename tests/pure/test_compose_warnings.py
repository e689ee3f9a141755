"""What Docker Compose warns of, read from its output: names and keys, and no other word of it."""

from __future__ import annotations

import pytest

from tasks.compose.reading.warnings import MOST, Warned, read


def line(message: str) -> str:
    """A line of its output."""
    escaped = message.replace("\\", "\\\\").replace('"', '\\"')
    return f'time="2026-11-30T20:44:15Z" level=warning msg="{escaped}"'


UNSET = 'The "{}" variable is not set. Defaulting to a blank string.'


@pytest.mark.parametrize(
    ("messages", "warned"),
    [
        ([], Warned()),
        ([UNSET.format("P")], Warned(unset=["P"])),
        ([UNSET.format("Q"), UNSET.format("P"), UNSET.format("Q")], Warned(unset=["P", "Q"])),
        (["/srv/x.yaml: the attribute `version` is obsolete, it will be ignored"], Warned(keys=["version"])),
        (["networks.n: external.name is deprecated. Please set name"], Warned(keys=["networks.n"])),
        (["services.web-1.x: something is deprecated"], Warned(keys=["services.web-1.x"])),
        (["cannot expand '~', because the environment lacks HOME"], Warned()),
        (["hunter2 is no good"], Warned(others=1)),
        (['The "hun ter2" variable is not set. Defaulting'], Warned(others=1)),
        (["hunter2: is no good", 'x "y" z'], Warned(others=2)),
    ],
)
def test_a_warning_is_a_name_a_key_or_counted(messages: list[str], warned: Warned) -> None:
    said = "\n".join([*map(line, messages), 'time="x" level=info msg="services.web: is fine"', "hunter2"])
    assert read(said.encode()) == warned


def test_of_very_many_some_are_named() -> None:
    said = "\n".join(line(UNSET.format(f"V{number:03}")) for number in range(MOST + 5))
    assert read(said.encode()).unset == [*(f"V{number:03}" for number in range(MOST)), "…"]


def test_what_is_no_text_is_no_obstacle() -> None:
    assert read(b"\xff\xfe" + line(UNSET.format("P")).encode()).unset == ["P"]
