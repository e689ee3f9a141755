"""Authentication and authorization: bearer tokens, session cookies, roles, and the refusal of cross-site requests.

The guard runs before every view. Logging in and out is in webapp.pages.login.
"""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, g, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from db.access import accounts
from db.messages.refusals import RefusalCode
from tasks.context import now
from webapp.http import permissions, preferences
from webapp.http.current import Caller, context
from webapp.http.problems import Problem, is_for_programs, wants_page

COOKIE = "backstay_session"
PAGES = frozenset({"apps", "new", "system", "credentials", "reference"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="backstay"'}


def install(app: Flask) -> None:
    """Run the guard before every view."""
    app.before_request(guard)
    app.after_request(rotate)


def guard() -> AnyResponse | None:
    """Let the request through, send a browser to the login page, or raise Problem."""
    g.caller = None
    wanted = permissions.needed(request.endpoint)
    if wanted == permissions.OPEN:
        return None
    g.caller = identify()
    if g.caller is None:
        return _ask_to_log_in()
    if g.caller.in_browser:
        refuse_other_sites()
    if not permissions.allows(g.caller.role, wanted):
        raise Problem(RefusalCode.FORBIDDEN)
    return None


def identify() -> Caller | None:
    """Return the caller: by token if there is an Authorization header, else by cookie; None if that is not valid."""
    if "Authorization" in request.headers:
        return _by_token(request.headers["Authorization"])
    cookie = request.cookies.get(COOKIE)
    return _by_cookie(cookie) if cookie else None


def rotate(response: Response) -> Response:
    """Replace the cookie of a session that is a day old, so that a copied cookie stops working."""
    value, known = request.cookies.get(COOKIE), g.get("caller")
    if value is None or known is None or not known.in_browser or response.status_code >= 400:
        return response
    if any(header.startswith(f"{COOKIE}=") for header in response.headers.getlist("Set-Cookie")):
        return response  # logging in or out has set the cookie already
    moment = now()
    with context().database.reading() as session:
        is_due = accounts.session_is_due(session, value, moment)
    if is_due:
        with context().database.writing() as session:
            fresh = accounts.rotate_session(session, value, moment)
        if fresh is not None:
            set_cookie(response, fresh)
    return response


def set_cookie(response: AnyResponse, value: str) -> None:
    """Set the session cookie, out of reach of scripts and of other sites."""
    life = int(accounts.SESSION_LIFE.total_seconds())
    response.set_cookie(COOKIE, value, max_age=life, httponly=True, samesite="Lax", secure=request.is_secure)


def refuse_other_sites() -> None:
    """Raise Problem(cross_site) for a changing request that a page of another origin made the browser send.

    Sec-Fetch-Site states it directly. Browsers leave it out on plain HTTP, where Origin must be our own host. A client
    that sends neither is no browser, so no cookies can be misused.
    """
    if request.method in SAFE_METHODS:
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    is_own = site in {"same-origin", "none"} if site else origin is None or urlsplit(origin).netloc == request.host
    if not is_own:
        raise Problem(RefusalCode.CROSS_SITE)


def local_path(target: str | None) -> str:
    """Return where to go after the login: always a path of this site, whatever was requested."""
    if not target or target[0] != "/" or target[1:2] in {"/", "\\"}:
        return "/apps"
    is_ours = urlsplit(target).path.removeprefix("/").partition("/")[0] in PAGES
    return target if is_ours and target.isprintable() and "\\" not in target else "/apps"


def _by_token(header: str) -> Caller | None:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "bearer":
        return None
    with context().database.asking() as connection:
        token = accounts.find_token(connection, value.strip())
    return Caller(f"token:{token.label or token.id}", token.role, in_browser=False) if token else None


def _by_cookie(value: str) -> Caller | None:
    with context().database.reading() as session:
        user = accounts.session_user(session, value, now())
    return Caller(user.name, user.role, in_browser=True) if user else None


def _ask_to_log_in() -> AnyResponse:
    is_page = request.method in SAFE_METHODS or wants_page()
    if not is_page or is_for_programs(request.path) or "Authorization" in request.headers:
        raise Problem(RefusalCode.UNAUTHORIZED, headers=_CHALLENGE)
    arguments = urlencode(preferences.known_arguments())
    target = f"{preferences.page()}?{arguments}".rstrip("?")
    return redirect(f"/login?{urlencode({'next': target})}", 303, Response)
