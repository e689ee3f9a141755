"""How the tests are shared among processes."""

from __future__ import annotations

import json

from tests.sharing import DEAR, DURATIONS, TESTS, group, longest_first


def test_the_longest_group_begins_first_and_an_unknown_file_is_like_any_other_or_dear() -> None:
    durations = {"web/test_a.py": 10.0, "faults/test_crash.py": 7.0, "faults/test_docker.py": 7.0, "cli/test_b.py": 1.0}
    assert longest_first({*durations, "db/test_new.py"}, durations) == [
        "house that crashes",
        "web/test_a.py",
        "db/test_new.py",
        "cli/test_b.py",
    ]
    assert longest_first({"db/test_b.py", "faults/test_crash.py", "web/test_a.py"}, {}) == [
        "house that crashes",
        "web/test_a.py",
        "db/test_b.py",
    ]


def test_what_is_dear_is_shared_by_files_that_exist() -> None:
    assert [file for dear in DEAR for file in dear.files if not (TESTS / file).exists()] == []
    assert group("flows/test_journeys.py") != group("flows/test_engine.py")
    assert group("web/test_auth.py") == "web/test_auth.py"


def test_the_durations_are_of_files_that_exist() -> None:
    assert [path for path in json.loads(DURATIONS.read_text()) if not (TESTS / path).exists()] == []
