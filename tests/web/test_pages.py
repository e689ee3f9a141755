"""The pages as a browser without scripts has them, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask, render_template
from flask.testing import FlaskClient

from db import event_log, ledger
from db.messages.events import tell
from db.serialize import iso
from db.states import ErrorCode, Reason
from tasks.context import Context, now
from tests import ledger_steps as steps
from tests.web.test_auth import routes
from webapp.http.permissions import VIEWER

Browser = Callable[[str], FlaskClient]


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize(
    "path",
    ["/login", "/apps", "/apps/shop", "/system", "/credentials", "/reference", "/apps/shop/rollback/1", "/apps/nobody"],
)
def test_every_page_is_whole_in_both_languages(logged_in: Browser, shop: int, path: str, language: str) -> None:
    browser = logged_in("admin")
    if path == "/login":
        browser.post("/logout")
    answer = browser.get(path, headers={"Accept-Language": language})
    assert f'<html lang="{language}"' in answer.text
    assert answer.text.count("<h1") == 1
    assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=", answer.text), "inline scripts or styles"
    assert "%(" not in re.sub(r'data-words="[^"]*"', "", answer.text)


def test_json_is_never_translated(app: Flask, logged_in: Browser, context: Context, shop: int) -> None:
    with context.database.writing() as session:
        event_log.note(session, shop, tell("put_in_order"), now())
    browser = logged_in("admin")
    browser.get("/apps?lang=ru")
    assert "Контейнеры восстановлены" in browser.get("/apps/shop").text
    asked = [path for method, path in routes(app, VIEWER) if method == "GET" and path.startswith("/api/")]
    for path in (*asked, "/api/nowhere", "/api/workloads/nobody", "/openapi.json", "/readyz"):
        if not path.endswith("/stream"):
            answer = browser.get(path, headers={"Accept-Language": "ru"})
            assert not re.search("[а-яё]", str(answer.json or answer.text), re.IGNORECASE), path


def test_the_language_is_asked_for_then_remembered_then_guessed(anonymous: FlaskClient) -> None:
    assert 'lang="en"' in anonymous.get("/login").text
    assert 'lang="ru"' in anonymous.get("/login", headers={"Accept-Language": "ru-RU,ru;q=0.9,en;q=0.5"}).text
    assert 'lang="ru"' in anonymous.get("/login?lang=ru").text
    assert 'lang="ru"' in anonymous.get("/login").text
    assert '<html lang="en"' in anonymous.get("/login?lang=en").text
    assert '<html lang="en"' in anonymous.get("/login?lang=xx").text


def test_the_theme_is_remembered(anonymous: FlaskClient) -> None:
    assert 'data-theme="dark"' in anonymous.get("/login?theme=dark").text
    assert 'data-theme="dark"' in anonymous.get("/login").text
    assert 'data-theme="dark"' in anonymous.get("/login?theme=pink").text


def test_without_apps_the_list_teaches_the_first_deploy(logged_in: Browser) -> None:
    page = logged_in("admin").get("/apps").text
    assert "backstay apply hello.yaml" in page
    assert "curl -H" in page


def test_an_app_shows_its_history_with_what_went_wrong(logged_in: Browser, shop: int) -> None:
    page = logged_in("admin").get("/apps/shop").text
    assert "v3" in page
    assert "was not healthy in time" in page
    assert '"/apps/shop/rollback/1"' in page
    assert '"/apps/shop/rollback/2"' not in page
    assert "That version never succeeded" in page


def test_the_header_says_since_when_it_is_verified_or_drifted(
    logged_in: Browser, viewer: FlaskClient, context: Context, shop: int, engine_runs: None
) -> None:
    def shown(label: str) -> str | None:
        found = re.search(rf'<dt>{label}</dt><dd>\s*<time datetime="([^"]+)"', logged_in("vera").get("/apps/shop").text)
        return found[1] if found else None

    live = viewer.get("/api/workloads/shop").json["live"]
    assert shown("Verified since") == live["verified_since"] == live["finished_at"]
    with context.database.writing() as session:
        assert steps.ledger.mark_verified(session, live["id"], False, later := now())
    drifted = viewer.get("/api/workloads/shop").json["live"]
    assert shown("Drifted since") == drifted["verified_since"] == iso(later)
    assert shown("Verified since") is None


@pytest.mark.parametrize("path", ["/apps/shop", "/system"])
def test_a_window_is_a_part_of_the_address(logged_in: Browser, shop: int, path: str) -> None:
    browser = logged_in("vera")
    page = browser.get(f"{path}?window=6h").text
    assert re.findall(r'data-window="(\w+)" aria-current="true"', page) == ["6h"]
    assert f'href="{path}?window=2h"' in page
    assert set(re.findall(r'/stats/history(?:\.csv)?\?window=(\w+)"', page)) == {"6h"}
    assert browser.get(f"{path}?window=1h").status_code == 400


def test_a_viewer_sees_the_history_and_no_button(logged_in: Browser, shop: int) -> None:
    page = logged_in("vera").get("/apps/shop").text
    assert "Deploy history" in page
    assert "rollback/" not in page
    assert "/apps/shop/deploy" not in page.replace("/api/workloads/shop/deploys", "")


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_error_code_is_a_sentence_in_russian(logged_in: Browser, context: Context, code: ErrorCode) -> None:
    with context.database.writing() as session:
        steps.deploy_badly(session, steps.add_workload(session, now()), now(), code)
    page = logged_in("admin").get("/apps/shop?lang=ru").text
    told = re.search(rf'title="{code}">([^<]+)', page)
    assert told
    assert re.search("[а-я]{3}", told[1])


def test_the_confirmation_says_what_comes_back_and_what_does_not(logged_in: Browser, shop: int) -> None:
    page = logged_in("admin").get("/apps/shop/rollback/1").text
    assert "Roll shop back to v1?" in page
    assert "values of secrets" in page
    assert '<input type="hidden" name="expected_live" value="3">' in page
    assert "<!doctype html>" in page
    fragment = logged_in("admin").get("/apps/shop/rollback/1?dialog=1").text
    assert "<html" not in fragment


@pytest.mark.usefixtures("prefect_answers")
def test_a_rollback_by_form_comes_back_to_the_app(logged_in: Browser, shop: int) -> None:
    browser = logged_in("admin")
    answer = browser.post("/apps/shop/rollback", data={"version": "1", "expected_live": "3"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/apps/shop")
    row = browser.get("/api/workloads/shop/deploys/4").json
    assert (row["reason"], row["trigger"], row["actor"]) == ("rollback", "ui", "admin")
    assert "Deploying" in browser.get("/apps/shop").text
    assert browser.post("/apps/shop/cancel/4").status_code == 303


@pytest.mark.usefixtures("prefect_answers")
def test_a_deploy_by_form_takes_another_image(logged_in: Browser, shop: int) -> None:
    browser = logged_in("admin")
    assert browser.post("/apps/shop/deploy", data={"image": "shop:9"}).status_code == 303
    assert browser.get("/api/workloads/shop/deploys/4").json["requested"] == "shop:9"


@pytest.mark.usefixtures("shop")
def test_a_refused_key_is_told_in_the_language_of_the_page(logged_in: Browser) -> None:
    wrong = {"image": "no image at all"}
    page = logged_in("admin").post("/apps/shop/deploy?lang=ru", data=wrong, headers={"Accept": "text/html"})
    assert page.status_code == 422
    (detail,) = re.findall(r"<code>(image: .*?)</code>", page.text)
    assert re.search("[а-я]", detail)
    assert "must" not in detail
    assert "no image at all" not in page.text


def test_the_dialog_of_a_deploy_asks_for_what_the_source_has(logged_in: Browser, context: Context, shop: int) -> None:
    browser = logged_in("admin")
    assert 'name="image"' in browser.get("/apps/shop/deploy").text
    source = {"kind": "compose", "url": "https://git.example/shop.git", "ref": "v1"}
    with context.database.writing() as session:
        steps.workloads.by_id(session, shop).spec = {"name": "shop", "host": "local", "source": source}
    page = browser.get("/apps/shop/deploy").text
    assert 'name="ref" placeholder="v1"' in page
    assert 'name="image"' not in page


def test_a_stale_page_cannot_roll_back(logged_in: Browser, shop: int) -> None:
    answer = logged_in("admin").post("/apps/shop/rollback", data={"version": "1", "expected_live": "2"})
    assert answer.status_code == 409
    assert "look again before rolling back" in answer.text


def test_names_from_outside_are_escaped(logged_in: Browser, context: Context) -> None:
    with context.database.writing() as session:
        workload_id = steps.add_workload(session, now())
        steps.ask(session, workload_id, now(), actor="<b>token</b>", requested="x:<script>alert(1)</script>")
    page = logged_in("admin").get("/apps/shop").text
    assert "<script>alert" not in page
    assert "<b>token</b>" not in page


def test_every_container_is_shown_as_it_is(app: Flask) -> None:
    common = {"service": "main", "version": 3, "image_id": "sha256:a", "ports": [], "started_at": None}
    seen = [
        {
            **common,
            "id": "1",
            "name": "shop-3",
            "state": "running",
            "health": "healthy",
            "restarts": 2,
            "exit_code": None,
        }
        | {"started_at": "2026-11-23T12:00:00.123Z"},
        {**common, "id": "2", "name": "shop-2", "state": "exited", "health": None, "restarts": 0, "exit_code": 137},
    ]
    with app.test_request_context("/apps/shop"):
        macros = app.jinja_env.get_template("parts/macros.html").module
        runtime = {"available": True, "containers": seen}
        page = render_template("parts/containers.html", app={"name": "shop"}, runtime=runtime, m=macros)
    assert "healthy" in page
    assert "2 restarts" in page
    assert "exit code 137" in page


def test_older_deploys_are_a_page_away(logged_in: Browser, shop: int) -> None:
    page = logged_in("admin").get("/apps/shop?before=3").text
    assert 'data-key="v2"' in page
    assert 'data-key="v3"' not in page


@pytest.mark.parametrize(("language", "word"), [("en", "Adoption"), ("ru", "Принятие")])
def test_the_page_of_an_adopted_app_says_what_its_first_row_is(
    logged_in: Browser, context: Context, language: str, word: str
) -> None:
    with context.database.writing() as session:
        workload_id = steps.add_workload(session, now(), "old")
        pin = steps.pin("a") | {"not_carried": ["HostConfig.CapDrop"]}
        row = steps.begin(session, workload_id, now(), reason=Reason.ADOPT, pin=pin)
        ledger.succeed(session, row.id, [], now())
    browser = logged_in("admin")
    assert f"<span>{word}</span>" in browser.get(f"/apps/old?lang={language}").text
    (found,) = browser.get("/api/workloads/old/deploys?reason=adopt").json["deploys"]
    assert (found["reason"], found["pin"]["not_carried"]) == ("adopt", ["HostConfig.CapDrop"])
