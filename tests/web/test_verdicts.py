"""What a deploy did, as its row says it: the word, the number that says most, and the numbers behind it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from db.models import Deploy
from tasks.context import Context
from tasks.impact.verdict import Verdict
from tests import ledger_steps as steps
from webapp.presenters.verdicts import VERDICTS, verdict

MIB = 1024 * 1024
Browser = Callable[[str], FlaskClient]


def side(version: int, **changes: Any) -> dict[str, Any]:
    """One side of a comparison."""
    usual = {"since": 0, "until": 900, "samples": 60, "cpu_median": 10.0, "cpu_p95": 12.0, "memory_median": 60 * MIB}
    counts = {"memory_p95": 61 * MIB, "restarts": 0, "crashes": 0, "oom_kills": 0}
    return {"version": version, **usual, **counts, **changes}


def impact(word: str, *reasons: str, leak: dict[str, Any] | None = None, **after: Any) -> dict[str, Any]:
    """What is stored on a row."""
    sides = {"before": side(1), "after": side(2, **after)}
    return {"verdict": word, "reasons": list(reasons), **sides, "services": [], "leak": leak}


LEAK = {
    "service": None, "since": 0, "until": 9000, "samples": 600, "slope_bytes_per_hour": 5 * MIB,
    "grown_bytes": 12 * MIB, "leaking": True, "memory_limit": 256 * MIB, "seconds_to_limit": 36 * 3600,
}  # fmt: skip


@pytest.mark.parametrize(
    ("stored", "language", "brief", "line"),
    [
        (impact("worse", "memory_up", memory_median=90 * MIB), "en", "memory +50%", "Memory: 60 MiB → 90 MiB (+50%)"),
        (impact("worse", "memory_up", memory_median=90 * MIB), "ru", "память +50 %", "Память: 60 МиБ → 90 МиБ (+50 %)"),
        (impact("better", "cpu_down", cpu_median=4.0), "en", "CPU −60%", "CPU: 10% → 4% (−60%)"),
        (impact("same"), "en", "", "CPU: 10% → 10% (±0%)"),
        (impact("worse", "crashes_up", crashes=2), "en", "2 crashes", "Crashes: 0 → 2"),
        (impact("worse", "crashes_up", crashes=2), "ru", "2 падения", "Падения: 0 → 2"),
        (
            impact("leaking", "leak", leak=LEAK),
            "en",
            "+5 MiB per hour",
            "When last checked, the limit was 36 hours away.",
        ),
        (
            impact("leaking", "leak", leak=LEAK | {"seconds_to_limit": 259_200}),
            "ru",
            "+5 МиБ в час",
            "При последней проверке до лимита оставалось 3 дня.",
        ),
        (
            impact("leaking", "leak", leak=LEAK | {"service": "web", "seconds_to_limit": None}),
            "en",
            "+5 MiB per hour",
            "Memory of web grows by 5 MiB per hour.",
        ),
        (impact("not_enough_data", "too_few_samples"), "en", "", "Too few samples before or after the deploy"),
        (
            impact("not_enough_data", "no_version_before") | {"before": None},
            "en",
            "",
            "No earlier version to compare with.",
        ),
    ],
)
def test_a_verdict_has_its_number_and_the_numbers_behind_it(
    app: Flask, stored: dict[str, Any], language: str, brief: str, line: str
) -> None:
    with app.test_request_context(f"/?lang={language}"):
        told = verdict(stored)
    assert told is not None
    assert told["brief"].replace("\xa0", " ") == brief
    assert any(one.replace("\xa0", " ").startswith(line) for one in told["lines"]), told["lines"]


def test_every_verdict_has_its_word_and_no_verdict_has_none(app: Flask) -> None:
    assert VERDICTS.keys() == {*Verdict}
    with app.test_request_context("/"):
        assert verdict(None) is None


def test_the_history_shows_the_verdict_of_each_row(logged_in: Browser, context: Context, shop: int) -> None:
    with context.database.writing() as session:
        row = steps.ledger.history.find(session, shop, 3)
        session.get_one(Deploy, row.id).impact = impact("worse", "memory_up", memory_median=90 * MIB)
    page = logged_in("vera").get("/apps/shop").text
    assert re.search(r'class="impact impact-worse".*?worse.*?memory \+50%.*?Memory: 60 MiB → 90 MiB', page, re.DOTALL)
    assert page.count('<details class="impact') == 1
