"""Answers as they were before the shapes made them: the same keys in the same order, the same values and types.

`answers.json` was written by the code that put each answer together by hand.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

KNOWN = json.loads(Path(__file__).with_name("answers.json").read_text())
HOOK = {"provider": "registry", "tag": "v*", "secret": "a secret of a hook"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def plain(value: Any) -> Any:
    """A JSON value in which moments, and tokens made by chance, are the same each time."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, str):
        return re.sub(r"bsh_[\w-]+", "TOKEN", _TIME.sub("MOMENT", value))
    return value


@pytest.mark.usefixtures("shop", "engine_runs")
@pytest.mark.parametrize("path", KNOWN)
def test_an_answer_is_what_it_was(admin: FlaskClient, viewer: FlaskClient, path: str) -> None:
    made = admin.post("/api/workloads/shop/hooks", json=HOOK).json
    found = made if path == "made hook" else viewer.get(path).json
    assert json.dumps(plain(found)) == json.dumps(KNOWN[path])
