"""The event log: every line that the product writes is a sentence of the table, and each of those is written."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.messages import labels
from db.messages.events import REASONS, SENTENCES, abandoned, tell, unsuccessful
from db.messages.file_problems import FileProblem
from db.states import ErrorCode, Reason, Stage
from flows.upkeep import auto_rollback
from tasks.events import lines
from tests.pure.product_source import product_sources

# Codes that are not written out where `tell` is called.
CHOSEN = {
    *(f"requested_{reason}" for reason in Reason),
    *(code for _, code in lines.SENTENCES.values()),
    *lines.COUNTED.values(),
    *re.findall(r'Verdict\("(\w+)"\)', Path(auto_rollback.__file__).read_text()),
    *(
        f"{outcome}_{where}"
        for outcome in ("ended", "cancelled", "interrupted")
        for where in ("in", "serving", "alone")
    ),
    "as_pinned_again",
    "drifted",
    *map(str, FileProblem),
}


def calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    """The calls of a function or method in the product, each with where it stands."""
    for source in product_sources():
        for node in source.nodes:
            if isinstance(node, ast.Call) and name in {getattr(node.func, "id", ""), getattr(node.func, "attr", "")}:
                yield f"{source.module}:{node.lineno}:{node.col_offset}", node


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)s", text))


def written_out() -> dict[str, tuple[str, set[str]]]:
    """Where a code stands in a call of `tell` -> the code, and what the call fills in."""
    return {
        where: (str(call.args[0].value), {str(given.arg) for given in call.keywords})
        for where, call in calls("tell")
        if isinstance(call.args[0], ast.Constant)
    }


def test_every_line_that_is_told_has_its_sentence_and_what_goes_into_it() -> None:
    told = written_out()
    assert len(told) > 8
    for where, (code, given) in told.items():
        assert code in SENTENCES, f"{where}: add the sentence to db/messages/events.py"
        assert given == placeholders(SENTENCES[code]) or "None" in given, where
    assert SENTENCES.keys() >= CHOSEN


def test_every_sentence_is_told_somewhere() -> None:
    assert SENTENCES.keys() - {code for code, _ in written_out().values()} - CHOSEN == set()


def test_a_line_that_gives_a_reason_is_one_of_the_table() -> None:
    assert SENTENCES.keys() >= REASONS


def test_every_note_of_the_product_is_a_sentence_of_the_table() -> None:
    noted = list(calls("note"))
    assert len(noted) > 8
    for where, call in noted:
        assert not isinstance(call.args[2], ast.JoinedStr | ast.Constant), f'{where}: write tell("a_code", …)'


def test_a_line_is_told_with_plain_values() -> None:
    told = tell("ended_serving", version=4, stage=Stage.HEALTH, code=ErrorCode.HEALTH_TIMEOUT, live=3)
    assert told.text == "Version 4 failed in the health check: not healthy in time. Version 3 keeps serving."
    assert type(told.params["stage"]) is str
    assert tell("changed", keys=["env.A", "ports"]).text == "Changed: env.A, ports."


@pytest.mark.parametrize(
    ("code", "live", "text"),
    [
        (
            "port_in_use",
            3,
            "Version 4 failed during the rollout: a host port is already in use. Version 3 keeps serving.",
        ),
        ("port_in_use", None, "Version 4 failed during the rollout: a host port is already in use."),
        ("cancelled", 3, "Version 4 was cancelled during the rollout. Version 3 keeps serving."),
        ("cancelled", None, "Version 4 was cancelled during the rollout."),
        ("interrupted", None, "Version 4 was interrupted during the rollout: the engine stopped. Deploy again."),
    ],
)
def test_a_deploy_that_did_not_succeed_says_why_in_words(code: str, live: int | None, text: str) -> None:
    told = unsuccessful(4, ErrorCode(code), Stage.ROLL_OUT, live)
    assert told.text == text
    assert (told.params["code"], told.params["stage"]) == (code, "roll_out")


@pytest.mark.parametrize("code", ErrorCode)
def test_a_deploy_that_its_engine_abandoned_has_a_line_for_every_code(code: ErrorCode) -> None:
    assert abandoned(4, code).text.startswith("Version 4 ")


def test_every_code_and_stage_has_a_label() -> None:
    assert labels.ERRORS.keys() == set(ErrorCode)
    assert labels.STAGE_PHRASES.keys() == set(Stage)
    assert labels.label("code", "of_a_newer_version") == "of_a_newer_version"


def test_a_line_that_cannot_be_said_is_found_out_when_it_is_written() -> None:
    with pytest.raises(KeyError):
        tell("no_such_sentence")
    with pytest.raises(KeyError):
        tell("live")
