"""The files that a push changes, of each git server, and the webhooks that wait for some of them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from tasks.webhooks import PROVIDERS
from tasks.webhooks.changed_files import LONGEST_PATTERN, MOST_FILES, is_filter, touches
from tasks.webhooks.delivery import Delivery
from tasks.webhooks.matching import Target, decide
from tests.pure.webhook_payloads import BITBUCKET, COMMIT, GITEA, GITHUB, GITLAB, NOTHING, sent

BEFORE = "95790bf891e76fee5e1747ab589903a6a1f80f22"
OF = {"github": GITHUB, "gitea": GITEA, "gitlab": GITLAB}
FIRST = {"id": "1" * 40, "message": "one", "added": ["docs/new.md"], "modified": [], "removed": ["web/old.js"]}
LAST = {"id": COMMIT, "message": "two", "added": [], "modified": ["web/app.js"], "removed": []}
SOURCE = {"kind": "git", "url": "https://git.example/acme/shop", "ref": "main"}


def push(name: str, *commits: Any, **more: Any) -> dict[str, Any]:
    """A push of these commits, as the server sends it."""
    totals = {"gitea": "total_commits", "gitlab": "total_commits_count"}
    counted = {totals[name]: len(commits)} if name in totals else {}
    return OF[name] | {"before": BEFORE, "ref": "refs/heads/main", "commits": [*commits]} | counted | more


def files(name: str, data: dict[str, Any]) -> frozenset[str] | None:
    from werkzeug.datastructures import Headers

    body, headers = sent(name, data, "a secret", "d-1")
    (found,) = PROVIDERS[name].read(Headers(headers), body)
    return found.files


@pytest.mark.parametrize("name", OF)
def test_the_files_of_all_commits_are_read(name: str) -> None:
    assert files(name, push(name, FIRST, LAST)) == {"docs/new.md", "web/old.js", "web/app.js"}
    newest_first = push(name, LAST, FIRST)
    assert files(name, newest_first) == files(name, push(name, FIRST, LAST))
    # Gitea writes null for an empty list.
    assert files(name, push(name, LAST | {"added": None, "removed": None})) == {"web/app.js"}


@pytest.mark.parametrize("name", OF)
def test_what_may_be_incomplete_is_unknown(name: str) -> None:
    bare = {"id": COMMIT, "message": "no lists"}
    for data in (
        push(name, LAST, before=NOTHING),  # a new branch
        push(name, LAST, before=None),
        push(name, LAST, created=True),
        push(name, LAST, forced=True),
        push(name),
        push(name, LAST) | {"commits": None},
        push(name, FIRST),  # the newest is missing
        push(name, FIRST, bare),
        push(name, FIRST | {"added": 7}, LAST),
        push(name, LAST | {"modified": [{"path": "a"}]}),
        push(name, LAST | {"modified": [""]}),
        push(name, LAST | {"modified": ["x"] * 301}),
        push(name, LAST | {"modified": []}),  # an empty commit asks for a deploy
        push(name, *[FIRST] * 19, LAST) | {"total_commits_count": 40, "total_commits": 40},
    ):
        assert files(name, data) is None, data
    assert files(name, push(name, LAST, ref="refs/tags/v1", object_kind="tag_push")) is None


def test_an_old_gitea_does_not_say_how_many_commits_there_are() -> None:
    few, many = ({**push("gitea", *[FIRST] * number, LAST), "total_commits": None} for number in (3, 4))
    assert files("gitea", few) is not None
    assert files("gitea", many) is None


def test_bitbucket_says_nothing_of_files() -> None:
    from werkzeug.datastructures import Headers

    body, headers = sent("bitbucket", BITBUCKET, "a secret", "d-1")
    (found,) = PROVIDERS["bitbucket"].read(Headers(headers), body)
    assert found.files is None


@pytest.mark.parametrize(
    ("patterns", "touched", "not_touched"),
    [
        (
            ["services/web/**"],
            ["services/web/a.js", "services/web"],
            ["services/webx/a", "web/a"],
        ),
        (["**/*.go"], ["main.go", "a/b/main.go"], ["main.gox", "a/go"]),
        (["**.go"], ["main.go", "a/b/main.go"], ["main.gox"]),
        (["*.md"], ["README.md"], ["docs/README.md"]),
        (["docs/"], ["docs/a", "docs/a/b"], ["doc/a", "a/docs/b"]),
        (["a/**/z"], ["a/z", "a/b/z", "a/b/c/z"], ["a/b", "az", "a/z/y"]),
        (["a/**/b/**/z"], ["a/b/z", "a/x/b/y/z", "a/b/b/z"], ["a/z", "b/a/z"]),
        (["v?/x"], ["v1/x"], ["v10/x", "v/x"]),
        (["**"], ["a", "a/b", ".hidden"], []),
        (["web/**", "!web/docs/**"], ["web/a"], ["web/docs/a", "b"]),
        (["web/**", "!web/docs/**", "web/docs/api.md"], ["web/docs/api.md"], ["web/docs/a"]),
        (["!docs/**", "!*.md"], ["web/a", "web/a.md"], ["docs/a", "README.md"]),
        (["a(b)+.txt"], ["a(b)+.txt"], ["aab.txt"]),
    ],
)
def test_patterns_mean_what_they_do_elsewhere(patterns: list[str], touched: list[str], not_touched: list[str]) -> None:
    assert all(touches(patterns, [one]) for one in touched)
    assert not any(touches(patterns, [one]) for one in not_touched)
    if touched:
        assert touches(patterns, [*not_touched, touched[0]])
    assert not touches(patterns, not_touched)


@pytest.mark.parametrize("good", ["a", "services/web/**", "!docs/**", "*.md", "docs/", "a b/c", "é/**", ".github/**"])
def test_a_path_of_a_repository_is_a_filter(good: str) -> None:
    assert is_filter(good)


@pytest.mark.parametrize(
    "bad",
    ["", "!", "!!a", "/a", "../a", "a/../b", "./a", "a//b", "a\\b", "[a]", " a", "a\n", "a" * (LONGEST_PATTERN + 1)],
)
def test_anything_else_is_none(bad: str) -> None:
    assert not is_filter(bad)


def test_no_pattern_takes_long_to_match() -> None:
    patterns = ["**/a*" * 33 + "x", "*a" * 90, "**/" * 60 + "z"]
    long = ["/".join(["a" * 60] * 60)] * 20
    begun = time.process_time()
    assert not touches(patterns, long)
    assert time.process_time() - begun < 2
    assert MOST_FILES < 10_000


def test_a_push_deploys_if_it_changes_a_file_that_the_webhook_is_for() -> None:
    main = Delivery("push", branch="main", files=frozenset({"docs/a.md"}))
    assert decide(SOURCE, None, None, main, ["web/**"]) == "other_paths"
    assert decide(SOURCE, None, None, main, ["docs/**"]) == Target()
    assert decide(SOURCE, None, None, main) == Target()
    assert decide(SOURCE, None, None, replace(main, files=None), ["web/**"]) == Target()
    assert decide(SOURCE, None, None, replace(main, skipped=True), ["web/**"]) == "skipped"
    assert decide(SOURCE, None, None, replace(main, branch="next"), ["docs/**"]) == "other_branch"
    assert decide(SOURCE, None, None, replace(main, deleted=True), ["docs/**"]) == "deleted"
