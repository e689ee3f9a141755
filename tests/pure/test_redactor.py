"""The redactor: no form of a secret survives, whatever stands around it, and it stays quick."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tasks.logs.redactor import MARK, SHORTEST, Redactor

SECRETS = st.text(st.characters(exclude_categories=["Cs"]), min_size=SHORTEST, max_size=40)
AROUND = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def redactor(*secrets: str) -> Redactor:
    """One that knows these."""
    made = Redactor()
    made.learn(secrets)
    return made


def survives(secret: str, text: str) -> bool:
    """Whether the text still has the secret. One that our own mark completes was not in the text."""
    return secret in text.replace(MARK, "\0\0\0\0")


@given(SECRETS, AROUND, AROUND)
def test_no_secret_survives_in_any_text(secret: str, before: str, after: str) -> None:
    assume("\0" not in secret)
    shown = {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        repr(secret.encode())[2:-1],
        secret.encode().hex(),
        secret.encode().hex().upper(),
    }
    known = redactor(secret)
    for form in shown:
        assert not survives(form, known.clean(f"{before}{form}{after}")), form


@given(SECRETS, st.binary(max_size=7), st.binary(max_size=7), st.sampled_from(["standard", "url"]))
def test_no_secret_survives_in_base64(secret: str, before: bytes, after: bytes, kind: str) -> None:
    encode = base64.b64encode if kind == "standard" else base64.urlsafe_b64encode
    cleaned = redactor(secret).clean(encode(before + secret.encode() + after).decode())
    for offset in range(3):
        whole = secret.encode()[offset : offset + (len(secret.encode()) - offset) // 3 * 3]
        if len(whole) >= SHORTEST + 2:
            assert encode(whole).decode() not in cleaned.replace(MARK, " ")


@given(st.lists(SECRETS, min_size=1, max_size=5), AROUND)
def test_learning_one_by_one_is_learning_all_at_once(secrets: list[str], text: str) -> None:
    slow = Redactor()
    for secret in secrets:
        slow.learn([secret])
    text = f"{text}{secrets[0]}{text}{secrets[-1]}"
    assert slow.clean(text) == redactor(*secrets).clean(text)


@given(AROUND)
def test_who_knows_nothing_changes_no_plain_words(text: str) -> None:
    assume(not {":", "@", "_"} & set(text))
    assume("bearer" not in text.lower() and "basic" not in text.lower())
    assert Redactor().clean(text) == text


def test_each_line_of_a_secret_is_one() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqh\nkiG9w0BAQEFAASC\n-----END KEY-----"
    known = redactor(key)
    assert known.clean(key) == MARK
    assert known.clean("key: kiG9w0BAQEFAASC") == f"key: {MARK}"


def test_a_value_that_is_too_short_is_left_alone() -> None:
    assert redactor("abc").clean("an abc of words") == "an abc of words"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://user:pass@host/x", f"https://{MARK}@host/x"),
        ("https://token@host/x", f"https://{MARK}@host/x"),
        ("https://user:pa/ss@host/x", f"https://{MARK}@host/x"),
        ("https://user:p@ss@host/x", f"https://{MARK}@host/x"),
        ("user:pass@host/app:1", f"user:{MARK}@host/app:1"),
        ("pull of user:p/a/s@host:5000/app", f"pull of user:{MARK}@host:5000/app"),
        ("Authorization: Basic dXNlcjpwYXNz", f"Authorization: Basic {MARK}"),
        ("bearer abcdefgh.ijk", f"bearer {MARK}"),
        ("bst_aaaaaaaaaaaaaaaaaaaaaaaa", MARK),
    ],
)
def test_what_looks_like_a_secret_is_taken_for_one(text: str, clean: str) -> None:
    assert Redactor().clean(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:5000/shop/app@sha256:" + "0" * 64,
        "app:1@sha256:" + "0" * 64,
        "http://127.0.0.1:5000/v2/app/manifests/1",
        "Get http://127.0.0.1:5000/v2/app@sha256:" + "0" * 64,
        "12:30:01 mail of someone@example.com",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redactor().clean(text) == text


def test_two_hundred_secrets_cost_little() -> None:
    known = redactor(*(f"pä$s/{number}-{'x' * (number % 30)}" for number in range(200)))
    text = "an ordinary line of a log, with nothing in it\n" * 2000
    began = time.process_time()
    assert known.clean(text) == text
    assert time.process_time() - began < 1.5
