"""Login and logout, by form or by JSON."""

from __future__ import annotations

import math
import time
from typing import Any

from flask import Blueprint, Response, current_app, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from db.access import accounts
from db.messages.refusals import RefusalCode
from db.models import User
from tasks.context import now
from webapp.http import auth, params
from webapp.http.answers import nothing
from webapp.http.current import context
from webapp.http.login_backoff import Attempts
from webapp.http.problems import Problem

blueprint = Blueprint("login", __name__)


@blueprint.get("/login")
def show() -> AnyResponse | str:
    """Render the form."""
    target = auth.local_path(request.args.get("next"))
    if auth.identify():
        return redirect(target, 303)
    return render_template("login.html", target=target, name="")


@blueprint.post("/login")
def log_in() -> AnyResponse | tuple[str, int, dict[str, str]]:
    """Check name and password; answer a form with 303, JSON with 204, both with the cookie."""
    auth.refuse_other_sites()
    data: dict[str, Any] = params.json_body() if request.is_json else dict(request.form)
    name, password = (_text(data, key) for key in ("username", "password"))
    try:
        user = _check(name, password)
    except Problem as problem:
        if request.is_json:
            raise
        return _show_again(problem, data, name)
    response = nothing() if request.is_json else redirect(auth.local_path(data.get("next")), 303, Response)
    return _with_cookie(response, user)


@blueprint.post("/logout")
def log_out() -> AnyResponse:
    """End the session, or with `everywhere` all of the person's: 303 to the form for a browser, 204 for others."""
    cookie = request.cookies.get(auth.COOKIE)
    if cookie:
        end = accounts.close_every_session if request.form.get("everywhere") else accounts.close_session
        with context().database.writing() as session:
            end(session, cookie)
    is_form = request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"
    response = redirect("/login", 303, Response) if is_form else nothing()
    response.delete_cookie(auth.COOKIE)
    return response


def _check(name: str, password: str) -> User:
    attempts: Attempts = current_app.extensions["backstay.attempts"]
    address, moment = request.remote_addr or "", time.monotonic()
    wait = attempts.wait(name, address, moment)
    if wait > 0:
        raise Problem(RefusalCode.TOO_MANY_ATTEMPTS, headers={"Retry-After": str(math.ceil(wait))})
    with context().database.reading() as session:
        user = accounts.check_password(session, name, password)
    if user is None:
        attempts.failed(name, address, moment)
        raise Problem(RefusalCode.WRONG_CREDENTIALS)
    attempts.succeeded(name, address)
    return user


def _with_cookie(response: AnyResponse, user: User) -> AnyResponse:
    before = request.cookies.get(auth.COOKIE)
    with context().database.writing() as session:
        if before:
            accounts.close_session(session, before)
        value = accounts.open_session(session, user.id, now())
    auth.set_cookie(response, value)
    return response


def _show_again(problem: Problem, data: dict[str, Any], name: str) -> tuple[str, int, dict[str, str]]:
    status = 429 if problem.code == "too_many_attempts" else 401
    target = auth.local_path(data.get("next"))
    return (
        render_template("login.html", target=target, name=name, error=problem.code.sentence),
        status,
        problem.headers,
    )


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key, "")
    # PostgreSQL text cannot contain NUL.
    return value if isinstance(value, str) and len(value) <= 1000 and "\0" not in value else ""
