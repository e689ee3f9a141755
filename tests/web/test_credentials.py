"""The page of credentials: what is there by host, what is added and removed by forms; a secret never comes back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

Browser = Callable[[str], FlaskClient]
SECRET = "s3cr3t-value"


def test_credentials_of_a_registry_are_stored_listed_and_removed(logged_in: Browser) -> None:
    browser = logged_in("admin")
    form = {"host": "registry.example:5000", "username": "ci", "password": SECRET}
    answer = browser.post("/credentials/registries", data=form)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/credentials#registries")
    page = browser.get("/credentials").text
    assert "<code>registry.example:5000</code>" in page
    assert SECRET not in page
    assert browser.get("/api/registries").json == {"registries": [{"host": "registry.example:5000", "username": "ci"}]}
    gone = re.search(r'action="(/credentials/registries/[^"]+/remove)"', page)
    assert gone
    assert browser.post(gone[1]).status_code == 303
    assert browser.get("/api/registries").json == {"registries": []}


def test_credentials_of_a_git_server_are_stored_listed_and_removed(logged_in: Browser) -> None:
    browser = logged_in("admin")
    answer = browser.post("/credentials/git", data={"host": "git.example", "password": SECRET, "ssh_key": ""})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/credentials#git")
    page = browser.get("/credentials?lang=ru").text
    assert "токен или пароль" in page
    assert SECRET not in page
    assert browser.get("/api/git-credentials").json["git_credentials"][0]["has"] == ["password"]
    assert browser.post("/credentials/git/git.example/remove").status_code == 303
    assert browser.get("/api/git-credentials").json == {"git_credentials": []}
    browser.post("/credentials/git", data={"host": "git.example/acme/shop", "password": SECRET})
    gone = re.search(r'action="(/credentials/git/[^"]+/remove)"', browser.get("/credentials").text)
    assert gone
    assert browser.post(gone[1]).status_code == 303
    assert browser.get("/api/git-credentials").json == {"git_credentials": []}


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize(
    ("which", "form", "field"),
    [
        ("registries", {"host": "no host", "username": "ci", "password": SECRET}, "registry-host"),
        ("registries", {"host": "registry.example", "username": "", "password": SECRET}, "registry-username"),
        ("registries", {"host": "registry.example", "username": "ci", "password": ""}, "registry-password"),
        ("git", {"host": "no host", "password": SECRET}, "git-host"),
        ("git", {"host": "git.example", "password": ""}, "git-password"),
        ("git", {"host": "git.example", "ssh_key": SECRET}, "git-ssh_key"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_the_secret_is_not_sent_back(
    logged_in: Browser, which: str, form: dict[str, str], field: str, language: str
) -> None:
    answer = logged_in("admin").post(f"/credentials/{which}?lang={language}", data=form)
    assert answer.status_code == 422
    said = re.search(rf'id="{field}-error">.*?<span>([^<]+)', answer.text)
    assert said, re.findall(r'id="([^"]*-error)"', answer.text)
    assert bool(re.search("[а-я]{3}", said[1])) == (language == "ru")
    assert "accepted as it is" not in said[1], "a text of its own"
    assert SECRET not in answer.text


def test_a_viewer_sees_who_has_access_and_no_form(logged_in: Browser) -> None:
    logged_in("admin").post("/credentials/registries", data={"host": "r.example", "username": "ci", "password": SECRET})
    page = logged_in("vera").get("/credentials").text
    assert "<code>r.example</code>" in page
    assert "/credentials/registries" not in page
