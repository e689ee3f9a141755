"""Who may do what: every route walked as nobody, as a viewer, as an admin, and from another site."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from db.access import accounts
from db.models import LoginSession
from tasks.context import Context, now
from tests.web.conftest import PASSWORD
from webapp.http.auth import local_path
from webapp.http.login_backoff import FREE_PER_NAME, Attempts, delay
from webapp.http.permissions import ADMIN, OPEN, PERMISSIONS, VIEWER

VALUES = {
    "name": "shop", "version": 1, "number": 1, "host": "registry.example.com", "filename": "favicon.svg",
    "token": "bsh_nobody", "secret": "nobodys",
}  # fmt: skip


def routes(app: Flask, *roles: str) -> list[tuple[str, str]]:
    """(method, path) of every route that asks for one of these roles."""
    found = []
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            if PERMISSIONS[rule.endpoint] in roles:
                _, path = rule.build({key: VALUES[key] for key in rule.arguments}, append_unknown=False)
                found += [(method, path) for method in sorted(rule.methods - {"HEAD", "OPTIONS"})]
    return found


def changing(app: Flask) -> list[tuple[str, str]]:
    """Every route that changes something, but logging in."""
    return [(method, path) for method, path in routes(app, VIEWER, ADMIN) if method != "GET"]


def test_every_route_has_its_line_in_the_table_and_every_line_its_route(app: Flask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(PERMISSIONS)


def test_only_these_are_open(app: Flask) -> None:
    assert set(routes(app, OPEN)) == {
        ("GET", "/static/favicon.svg"), ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/login"), ("POST", "/login"),
        ("POST", "/api/hooks/bsh_nobody"), ("POST", "/api/hooks/bsh_nobody/nobodys"),
    }  # fmt: skip


def test_nobody_gets_in_anywhere_else(app: Flask, anonymous: FlaskClient, shop: int) -> None:
    for method, path in routes(app, VIEWER, ADMIN):
        answer = anonymous.open(path, method=method, headers={"Accept": "text/html"})
        if path.startswith("/api/") or path in {"/metrics", "/openapi.json"}:
            assert (answer.status_code, answer.json["code"]) == (401, "unauthorized"), (method, path)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        else:
            assert answer.status_code == 303, (method, path)
            assert answer.headers["Location"].startswith("/login?next=%2F")


def test_a_viewer_may_do_nothing_that_is_for_admins(app: Flask, viewer: FlaskClient, shop: int) -> None:
    for method, path in routes(app, ADMIN):
        answer = viewer.open(path, method=method)
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden"), (method, path)


def test_a_viewer_may_read_all_the_rest(app: Flask, viewer: FlaskClient, shop: int) -> None:
    for method, path in routes(app, VIEWER):
        if method == "GET" and not path.endswith("/1/diff"):
            # The log is the one thing that only Docker has, and here there is none.
            assert viewer.get(path).status_code in ({503} if path.endswith("/logs") else {200, 303}), path


def test_nothing_that_is_read_changes_anything_by_the_table(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if PERMISSIONS[rule.endpoint] == VIEWER and rule.endpoint != "login.log_out":
            assert rule.methods <= {"GET", "HEAD", "OPTIONS"}, rule.endpoint


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    ],
)
def test_another_site_cannot_use_an_admins_session(
    app: Flask, logged_in: Callable[[str], FlaskClient], shop: int, headers: dict[str, str]
) -> None:
    browser = logged_in("admin")
    for method, path in changing(app):
        answer = browser.open(path, method=method, headers={**headers, "Accept": "application/json"})
        assert (answer.status_code, answer.json["code"]) == (403, "cross_site"), (method, path)
    assert browser.get("/api/workloads/shop").status_code == 200


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}])
def test_an_admins_own_page_is_let_through(
    logged_in: Callable[[str], FlaskClient], shop: int, headers: dict[str, str]
) -> None:
    answer = logged_in("admin").patch("/api/workloads/shop", json={"env": {}}, headers=headers)
    assert answer.status_code == 200


def test_a_viewers_session_may_not_change_either(
    app: Flask, logged_in: Callable[[str], FlaskClient], shop: int
) -> None:
    browser = logged_in("vera")
    for method, path in routes(app, ADMIN):
        assert browser.open(path, method=method).status_code == 403, (method, path)


def test_another_site_cannot_log_anybody_in(anonymous: FlaskClient, people: None) -> None:
    form = {"username": "admin", "password": PASSWORD}
    assert anonymous.post("/login", data=form, headers={"Origin": "https://evil.example"}).status_code == 403


@pytest.mark.parametrize("header", ["Bearer bst_wrong", "Bearer", "Basic YTpi", "", "bst_x"])
def test_a_bad_token_is_not_helped_by_a_good_cookie(logged_in: Callable[[str], FlaskClient], header: str) -> None:
    answer = logged_in("admin").get("/api/workloads", headers={"Authorization": header})
    assert answer.json["code"] == "unauthorized"


def test_a_revoked_token_is_refused_with_the_very_next_request(
    anonymous: FlaskClient, context: Context, shop: int
) -> None:
    with context.database.writing() as session:
        value, token = accounts.create_token(session, "viewer", "ci", now())
    header = {"Authorization": f"Bearer {value}"}
    assert anonymous.get("/api/workloads/shop/stats/history", headers=header).status_code == 200
    with context.database.writing() as session:
        accounts.delete_token(session, token.id)
    assert anonymous.get("/api/workloads/shop/stats/history", headers=header).json["code"] == "unauthorized"


def test_a_form_logs_in_and_goes_where_it_came_from(anonymous: FlaskClient, people: None) -> None:
    form = {"username": "admin", "password": PASSWORD, "next": "/apps/shop?before=3"}
    answer = anonymous.post("/login", data=form)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/apps/shop?before=3")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_over_tls_the_cookie_is_secure(anonymous: FlaskClient, people: None) -> None:
    form = {"username": "admin", "password": PASSWORD}
    assert "Secure" in anonymous.post("/login", data=form, base_url="https://localhost").headers["Set-Cookie"]


def test_json_logs_in_as_well_and_logging_out_ends_the_session(anonymous: FlaskClient, people: None) -> None:
    assert anonymous.post("/login", json={"username": "admin", "password": PASSWORD}).status_code == 204
    old = anonymous.get_cookie("backstay_session")
    assert anonymous.get("/api/workloads").status_code == 200
    assert anonymous.post("/logout").status_code == 204
    anonymous.set_cookie("backstay_session", old.value)
    assert anonymous.get("/api/workloads").status_code == 401


@pytest.mark.parametrize(
    "body", [{"username": "admin", "password": "wrong"}, {"username": "nobody", "password": "x"}, {"username": 7}, {}]
)
def test_wrong_credentials_are_all_answered_alike(anonymous: FlaskClient, people: None, body: dict) -> None:
    answer = anonymous.post("/login", json=body)
    assert (answer.status_code, answer.json["code"]) == (401, "wrong_credentials")
    assert anonymous.post("/login", data=body).status_code == 401


def test_who_fails_often_waits_but_others_do_not(anonymous: FlaskClient, people: None) -> None:
    for _ in range(FREE_PER_NAME):
        anonymous.post("/login", json={"username": "admin", "password": "wrong"})
    answer = anonymous.post("/login", json={"username": "admin", "password": PASSWORD})
    assert (answer.status_code, answer.json["code"]) == (429, "too_many_attempts")
    assert int(answer.headers["Retry-After"]) >= 1
    assert anonymous.post("/login", json={"username": "vera", "password": PASSWORD}).status_code == 204


def test_the_wait_doubles_ends_and_is_forgotten_after_a_success() -> None:
    attempts = Attempts()
    for second in range(FREE_PER_NAME + 2):
        attempts.failed("admin", "::1", second)
    last = FREE_PER_NAME + 1
    assert attempts.wait("admin", "::1", last) == delay(2) == 4
    assert attempts.wait("admin", "::1", last + 4) == 0
    assert attempts.wait("admin", "10.0.0.1", last) == 0
    attempts.succeeded("admin", "::1")
    assert attempts.wait("admin", "::1", last) == 0
    assert delay(1000) == 300


def test_one_address_cannot_try_every_name() -> None:
    attempts = Attempts()
    for number in range(40):
        attempts.failed(f"user{number}", "::1", 0)
    assert attempts.wait("another", "::1", 0) > 0


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ("/apps/shop?x=1", "/apps/shop?x=1"),
        (None, "/apps"),
        ("", "/apps"),
        ("https://evil.example", "/apps"),
        ("//evil.example", "/apps"),
        ("/\\evil.example", "/apps"),
        ("/\t/evil.example", "/apps"),
        ("/a\r\nSet-Cookie: x=1", "/apps"),
    ],
)
def test_after_the_login_only_our_own_pages_are_gone_to(asked: str | None, target: str) -> None:
    assert local_path(asked) == target


def age_sessions(context: Context, by: timedelta) -> None:
    """Every session began so much earlier."""
    with context.database.writing() as session:
        for one in session.scalars(select(LoginSession)):
            one.created_at -= by


def test_a_session_gets_a_new_cookie_each_day_and_the_old_one_goes_stale(
    logged_in: Callable[[str], FlaskClient], context: Context
) -> None:
    browser = logged_in("admin")
    old = browser.get_cookie("backstay_session")
    assert "Set-Cookie" not in browser.get("/api/workloads").headers
    age_sessions(context, accounts.ROTATE_AFTER + timedelta(minutes=1))
    assert "HttpOnly" in browser.get("/api/workloads").headers["Set-Cookie"]
    fresh = browser.get_cookie("backstay_session")
    assert fresh.value != old.value
    with context.database.writing() as session:
        ends = accounts.session_user(session, old.value, now() + accounts.ROTATION_OVERLAP * 2)
        assert ends is None
        assert accounts.session_user(session, old.value, now()) is not None
        assert accounts.session_user(session, fresh.value, now() + timedelta(days=12)) is not None
        assert accounts.rotate_session(session, old.value, now()) is None
    assert "Set-Cookie" not in browser.get("/api/workloads").headers


def test_logging_out_everywhere_ends_every_session_of_the_person_and_no_other(
    logged_in: Callable[[str], FlaskClient], app: Flask
) -> None:
    browser = logged_in("admin")
    elsewhere, vera = app.test_client(), app.test_client()
    elsewhere.post("/login", json={"username": "admin", "password": PASSWORD})
    vera.post("/login", json={"username": "vera", "password": PASSWORD})
    browser.post("/logout", data={"everywhere": "1"})
    assert elsewhere.get("/api/workloads").status_code == 401
    assert vera.get("/api/workloads").status_code == 200


def test_logging_in_again_ends_the_session_before(logged_in: Callable[[str], FlaskClient], app: Flask) -> None:
    browser = logged_in("admin")
    old = browser.get_cookie("backstay_session").value
    browser.post("/login", json={"username": "vera", "password": PASSWORD})
    thief = app.test_client()
    thief.set_cookie("backstay_session", old)
    assert thief.get("/api/workloads").status_code == 401
