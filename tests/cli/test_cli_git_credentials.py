"""The verbs about credentials of git servers: stored from a file or standard input, listed without what is secret."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.cli.conftest import Backstay
from tests.web.test_git_credentials import private_key

TOKEN = "t0ken-of-the-test"


def test_they_are_stored_listed_and_removed(backstay: Backstay, tmp_path: Path) -> None:
    token, key = tmp_path / "token", tmp_path / "key"
    token.write_text(f"{TOKEN}\n")
    key.write_text(private_key())
    stored = backstay("git-credential", "set", "Git.Example:8443", "--username", "ci", "--token-file", str(token))
    assert (stored.code, stored.out) == (0, "The credentials for git.example:8443 are stored.\n")
    made = backstay("git-credential", "set", "github.com/Acme/shop.git", "--ssh-key-file", str(key), "--json")
    assert made.json == {"host": "github.com/acme/shop", "username": "x-access-token", "has": ["ssh_key"]}
    listed = backstay("git-credential", "list", "--json")
    assert listed.json == {
        "git_credentials": [{"host": "git.example:8443", "username": "ci", "has": ["password"]}, made.json]
    }
    text = backstay("git-credential", "list").out
    assert "github.com/acme/shop" in text
    for secret in (TOKEN, "PRIVATE KEY"):
        assert secret not in text + listed.out + stored.out + made.out
    assert backstay("git-credential", "remove", "github.com/acme/shop").code == 0
    again = backstay("git-credential", "remove", "github.com/acme/shop")
    assert (again.code, "git-credential list" in again.err) == (1, True)


def test_a_token_comes_from_standard_input_and_is_no_argument(
    backstay: Backstay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{TOKEN}\n"))
    assert backstay("git-credential", "set", "github.com/acme", "--json").json["has"] == ["password"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("https://github.com/acme", TOKEN, "host must be"),
        ("github.com", "", "password"),
        ("github.com", "a\x07", "one line"),
    ],
)
def test_what_is_wrong_is_refused_by_key(backstay: Backstay, tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / "token").write_text(text)
    refused = backstay("git-credential", "set", name, "--token-file", str(tmp_path / "token"))
    assert (refused.code, said in refused.err) == (2, True), refused.err
    assert TOKEN not in refused.err
    missing = backstay("git-credential", "set", "github.com", "--ssh-key-file", str(tmp_path / "gone"))
    assert (missing.code, "no readable text file" in missing.err) == (2, True)
