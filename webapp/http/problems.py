"""Errors as application/problem+json, and as a page for browsers: one table of codes, one way out for each exception.

A detail names a key or says what to do next; it never carries a value that was sent or the text of an exception.
"""

from __future__ import annotations

from typing import Any

import orjson
from flask import Flask, Response, current_app, render_template, request
from werkzeug.exceptions import HTTPException

from db.connection import LedgerUnavailable
from db.messages.errors import SENTENCES
from db.workloads import NameTaken
from tasks.failures import Failure
from tasks.specs import InvalidSpec
from webapp.i18n.marking import N_

# code -> (status, title): the refusals of flows.requests and flows.workloads, then what HTTP itself can refuse.
PROBLEMS: dict[str, tuple[int, str]] = {
    "no_such_workload": (404, N_("No such workload")),
    "no_such_version": (404, N_("No such version")),
    "no_such_registry": (404, N_("No such registry")),
    "no_such_hook": (404, N_("No such webhook")),
    "no_such_git_credentials": (404, N_("No such credentials")),
    "name_taken": (409, N_("Name taken")),
    "deploy_in_flight": (409, N_("A deploy is under way")),
    "live_changed": (409, N_("The live version changed")),
    "not_cancellable": (409, N_("Not cancellable")),
    "held": (409, N_("Image held back")),
    "not_a_success": (422, N_("Not a successful version")),
    "already_live": (422, N_("Already live")),
    "not_rollback_capable": (422, N_("Cannot be rolled back to")),
    "nothing_to_roll_back_to": (422, N_("Nothing to roll back to")),
    "invalid_spec": (422, N_("Invalid spec")),
    "orchestrator_unreachable": (503, N_("Prefect is unreachable")),
    "engine_unreachable": (503, N_("Docker is unreachable")),
    "ledger_unavailable": (503, N_("The ledger is unavailable")),
    "bad_window": (400, N_("Unknown time window")),
    "bad_request": (400, N_("Bad request")),
    "unauthorized": (401, N_("Login needed")),
    "wrong_credentials": (401, N_("Wrong name or password")),
    "forbidden": (403, N_("Not allowed")),
    "cross_site": (403, N_("Request from another site")),
    "not_found": (404, N_("Not found")),
    "method_not_allowed": (405, N_("Method not allowed")),
    "too_large": (413, N_("Too large")),
    "unsupported_media_type": (415, N_("Unsupported media type")),
    "too_many_attempts": (429, N_("Too many attempts")),
    "too_many_streams": (503, N_("Too many streams")),
    "internal": (500, N_("Internal error")),
}
# What db.messages.errors does not say, because only the web can refuse it.
DETAILS: dict[str, str] = {
    "no_such_hook": N_("This app has no webhook of that number; the list of its webhooks shows the ones it has."),
    "no_such_registry": N_(
        "No credentials are stored for that registry; the list of registries shows the ones there are."
    ),
    "no_such_git_credentials": N_(
        "No credentials are stored for that git server; the list of git credentials shows the ones there are."
    ),
    "bad_request": N_("The request could not be understood; correct it and send it again."),
    "unauthorized": N_("Log in, or send a valid token as `Authorization: Bearer …`."),
    "wrong_credentials": N_("No user has this name and password; check both and try again."),
    "forbidden": N_("Your role may only read; ask an admin to do this."),
    "cross_site": N_(
        "The request came from another site, so it was not carried out; repeat it from Backstay's own page."
    ),
    "not_found": N_("There is nothing at this address; the list of apps is a good place to start."),
    "method_not_allowed": N_("This address does not take that method; the Allow header lists those it takes."),
    "too_large": N_("The request is larger than 1 MiB; send less."),
    "unsupported_media_type": N_("Send JSON, with `Content-Type: application/json`."),
    "too_many_attempts": N_("Too many failed logins; wait a moment, then try again."),
    "too_many_streams": N_(
        "As many pages as possible are being kept up to date at once; this one asks again each few seconds."
    ),
    "internal": N_("Something in Backstay itself went wrong; the detail is in the log of the web process."),
}
RETRY_AFTER_S = "10"
_BY_STATUS = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    429: "too_many_attempts",
}


class Problem(Exception):  # noqa: N818 - it names what happened
    """A request that is refused with a code of PROBLEMS. `extra` goes into the JSON body beside the usual keys."""

    def __init__(
        self, code: str, detail: str | None = None, *, headers: dict[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(code)
        self.code = code if code in PROBLEMS else "internal"
        self.detail, self.headers, self.extra = detail, headers or {}, extra


def sentence(code: str) -> str:
    """What to do about a code, in English, which is also the key of its translation."""
    return DETAILS.get(code) or SENTENCES.get(code) or DETAILS["internal"]


def body(problem: Problem) -> dict[str, Any]:
    """The problem+json of a refusal."""
    status, title = PROBLEMS[problem.code]
    return {
        "type": f"urn:backstay:problem:{problem.code}",
        "title": title,
        "status": status,
        "code": problem.code,
        "detail": problem.detail or sentence(problem.code),
        **problem.extra,
    }


def is_for_programs(path: str) -> bool:
    """Whether a path is one that no person opens in a browser."""
    return path.startswith("/api/") or path in {"/healthz", "/readyz", "/metrics", "/openapi.json"}


def wants_page() -> bool:
    """Whether the caller is a browser on a page, to whom JSON would say little."""
    if is_for_programs(request.path):
        return False
    return request.accept_mimetypes.best_match(["application/problem+json", "text/html"]) == "text/html"


def answer(problem: Problem) -> Response:
    """The response of a refusal, as a page or as problem+json."""
    status, title = PROBLEMS[problem.code]
    if wants_page():
        text = render_template(
            "error.html", status=status, title=title, sentence=sentence(problem.code), detail=problem.detail
        )
        return Response(text, status, problem.headers, mimetype="text/html")
    return Response(orjson.dumps(body(problem)), status, problem.headers, mimetype="application/problem+json")


def install(app: Flask) -> None:
    """Register one handler for each kind of exception that a view may let out."""
    app.register_error_handler(Problem, answer)
    app.register_error_handler(InvalidSpec, lambda e: answer(Problem("invalid_spec", f"{e.key}: {e.problem}")))
    app.register_error_handler(NameTaken, lambda _: answer(Problem("name_taken")))
    app.register_error_handler(Failure, _failure)
    app.register_error_handler(LedgerUnavailable, _no_ledger)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)
    # Flask's own word on an error in one of these handlers would have the whole traceback.
    app.log_exception = lambda exc_info: _log(exc_info[1])  # type: ignore[method-assign]


def refused(refusal: Any) -> Response:
    """The answer to a flows.requests.Refusal: its code, and the version of the row that is concerned."""
    # A row of a transaction that was undone has forgotten its columns; asking it would raise.
    version = vars(refusal.deploy).get("version") if refusal.deploy is not None else None
    return answer(Problem(refusal.code, **({} if version is None else {"version": version})))


def _failure(failure: Failure) -> Response:
    code = str(failure.code)
    return answer(Problem(code if code in PROBLEMS else "internal"))


def _no_ledger(error: LedgerUnavailable) -> Response:
    current_app.extensions["backstay"].log.error("the ledger is unavailable", extra={"cause": error.cause})
    return answer(Problem(error.code, headers={"Retry-After": RETRY_AFTER_S}))


def _http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return error.get_response()  # type: ignore[return-value]
    code = _BY_STATUS.get(error.code, "bad_request" if error.code < 500 else "internal")
    allowed = getattr(error, "valid_methods", None)
    return answer(Problem(code, headers={"Allow": ", ".join(sorted(allowed))} if allowed else None))


def _unexpected(error: Exception) -> Response:
    _log(error)
    return answer(Problem("internal"))


def _log(error: BaseException | None) -> None:
    # By type only: the text of an exception can carry what was sent, or what a library was told.
    current_app.extensions["backstay"].log.error(
        "request failed", extra={"kind": type(error).__name__, "endpoint": request.endpoint or ""}
    )
