"""Credentials of git servers over HTTP: stored encrypted, listed by host and user name, refused by key."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask.testing import FlaskClient

from tasks.context import Context

SECRET = "s3cr3t-value"


def private_key(passphrase: str = "") -> str:
    """A private key as ssh-keygen writes it."""
    how = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, how).decode()


def test_they_are_stored_encrypted_and_never_shown(admin: FlaskClient, viewer: FlaskClient, context: Context) -> None:
    key = private_key()
    assert admin.put("/api/git-credentials/Git.Example", json={"token": SECRET}).status_code == 200
    # As it comes out of a form or a YAML file: other line ends, none at the end.
    put = admin.put("/api/git-credentials/git.example", json={"ssh_key": key.strip().replace("\n", "\r\n")})
    other = admin.put("/api/git-credentials/[::1]:3000", json={"username": "ci", "password": SECRET, "ssh_key": key})
    listed = viewer.get("/api/git-credentials")
    assert listed.json == {
        "git_credentials": [
            {"host": "[::1]:3000", "username": "ci", "has": ["password", "ssh_key"]},
            {"host": "git.example", "username": "x-access-token", "has": ["ssh_key"]},
        ]
    }
    for text in (put.text, other.text, listed.text):
        assert SECRET not in text
        assert "PRIVATE KEY" not in text
    login, both = context.git_login("git.example"), context.git_login("[::1]:3000")
    assert (login.password, login.ssh_key) == (None, key)
    assert (both.username, both.password) == ("ci", SECRET)
    assert SECRET not in repr(both)
    assert context.redactor.clean(f"a {key.splitlines()[1]} b") == "a [redacted] b"
    assert context.git_login("elsewhere.example").password is None
    assert admin.delete("/api/git-credentials/git.example").status_code == 204
    assert admin.delete("/api/git-credentials/git.example").json["code"] == "no_such_git_credentials"
    assert viewer.put("/api/git-credentials/git.example", json={"token": SECRET}).status_code == 403


def test_credentials_of_a_repository_come_before_those_of_its_host(
    admin: FlaskClient, viewer: FlaskClient, context: Context
) -> None:
    key = private_key()
    for name, body in (
        ("github.com", {"token": "of-the-host"}),
        ("github.com/Acme", {"token": "of-the-owner"}),
        ("github.com/acme/shop.git", {"ssh_key": key}),
    ):
        assert admin.put(f"/api/git-credentials/{name}", json=body).status_code == 200
    assert [(one["host"], one["has"]) for one in viewer.get("/api/git-credentials").json["git_credentials"]] == [
        ("github.com", ["password"]),
        ("github.com/acme", ["password"]),
        ("github.com/acme/shop", ["ssh_key"]),
    ]
    names = ["github.com/acme/shop", "github.com/acme", "github.com"]
    by_key, by_token = (context.git_login(*names, by_ssh=by_ssh) for by_ssh in (True, False))
    assert (by_key.name, by_key.ssh_key) == ("github.com/acme/shop", key)
    # A key is no token: the next one that has some is used.
    assert (by_token.name, by_token.password) == ("github.com/acme", "of-the-owner")
    assert context.git_login("github.com/other/x", "github.com/other", "github.com").password == "of-the-host"
    assert admin.put("/api/git-credentials/github.com%2Facme%2Fshop", json={"token": "x"}).json["has"] == ["password"]
    assert admin.delete("/api/git-credentials/github.com/ACME/shop").status_code == 204
    assert admin.delete("/api/git-credentials/github.com/acme/shop").json["code"] == "no_such_git_credentials"
    assert context.git_login(*names, by_ssh=True).name == ""
    assert viewer.delete("/api/git-credentials/github.com/acme").status_code == 403


@pytest.mark.parametrize(
    ("host", "body", "key"),
    [
        ("git.example", {"username": "ci"}, "password"),
        ("git.example", {"password": f"{SECRET}\nhost=elsewhere"}, "password"),
        ("git.example", {"token": SECRET, "password": SECRET}, "token"),
        ("git.example", {"username": f"a\n{SECRET}", "token": "x"}, "username"),
        ("git.example", {"ssh_key": SECRET}, "ssh_key"),
        ("git.example", {"ssh_key": private_key(SECRET)}, "ssh_key"),
        ("git.example", {"token": SECRET, "more": 1}, "more"),
        (f"ann:{SECRET}@git.example", {"token": "x"}, "host"),
        (f"git.example/{SECRET}@acme", {"token": "x"}, "host"),
        ("git.example/" + "a" * 300, {"token": "x"}, "host"),
    ],
)
def test_bad_ones_are_refused_by_key(admin: FlaskClient, host: str, body: dict, key: str) -> None:
    answer = admin.put(f"/api/git-credentials/{host}", json=body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_spec")
    assert answer.json["detail"].startswith(f"{key}:")
    assert SECRET not in answer.text
