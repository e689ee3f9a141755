"""Errors as application/problem+json, and as a page for browsers: one handler for each exception.

A detail names a key or says what to do next; it never carries a value that was sent or the text of an exception. The
codes, with their status, title and sentence, are in db.messages.refusals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from flask import Flask, Response, current_app, render_template, request
from werkzeug.exceptions import HTTPException

from db.connection import LedgerUnavailable
from db.messages.events import listed
from db.messages.refusals import RefusalCode
from db.workloads import NameTaken
from tasks.failures import Failure
from tasks.sources.invalid_spec import InvalidSpec, Reason, sentence_params
from webapp.i18n.i18n import gettext

RETRY_AFTER_S = "10"
_BY_STATUS = {
    400: RefusalCode.BAD_REQUEST,
    401: RefusalCode.UNAUTHORIZED,
    403: RefusalCode.FORBIDDEN,
    404: RefusalCode.NOT_FOUND,
    405: RefusalCode.METHOD_NOT_ALLOWED,
    413: RefusalCode.TOO_LARGE,
    415: RefusalCode.UNSUPPORTED_MEDIA_TYPE,
    429: RefusalCode.TOO_MANY_ATTEMPTS,
}


class Problem(Exception):  # noqa: N818 - it names what happened
    """A refused request. `extra` goes into the JSON body beside the usual keys."""

    def __init__(
        self, code: RefusalCode, detail: str | None = None, *, headers: dict[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(code)
        self.code, self.detail, self.headers, self.extra = code, detail, headers or {}, extra


def body(problem: Problem) -> dict[str, Any]:
    """Return the problem+json of a refusal."""
    code = problem.code
    return {
        "type": f"urn:backstay:problem:{code}",
        "title": code.heading,
        "status": code.http_status,
        "code": code,
        "detail": problem.detail or code.sentence,
        **problem.extra,
    }


def is_for_programs(path: str) -> bool:
    """Return whether a path is one that no person opens in a browser."""
    return path.startswith("/api/") or path in {"/healthz", "/readyz", "/metrics", "/openapi.json"}


def wants_page() -> bool:
    """Return whether the caller is a browser on a page, which needs HTML instead of JSON."""
    if is_for_programs(request.path):
        return False
    return request.accept_mimetypes.best_match(["application/problem+json", "text/html"]) == "text/html"


def answer(problem: Problem, detail_for_people: str | None = None) -> Response:
    """Return the response of a refusal, as a page or as problem+json.

    `detail_for_people` is the detail in the language of the page, where there is one.
    """
    code = problem.code
    if wants_page():
        text = render_template("error.html", code=code, detail=detail_for_people or problem.detail)
        return Response(text, code.http_status, problem.headers, mimetype="text/html")
    return Response(orjson.dumps(body(problem)), code.http_status, problem.headers, mimetype="application/problem+json")


def install(app: Flask) -> None:
    """Register one handler for each kind of exception that a view may raise."""
    app.register_error_handler(Problem, answer)
    app.register_error_handler(InvalidSpec, _invalid_spec)
    app.register_error_handler(NameTaken, lambda _: answer(Problem(RefusalCode.NAME_TAKEN)))
    app.register_error_handler(Failure, _failure)
    app.register_error_handler(LedgerUnavailable, _no_ledger)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)
    # Flask would log the whole traceback of an error in one of these handlers.
    app.log_exception = lambda exc_info: _log(exc_info[1])  # type: ignore[method-assign]


def refused(refusal: Any) -> Response:
    """Return the answer to a flows.requests.Refusal: its code, and the version of the row concerned."""
    # A row of a rolled-back transaction has lost its columns; reading them would raise.
    version = vars(refusal.deploy).get("version") if refusal.deploy is not None else None
    return answer(Problem(refusal.code, **({} if version is None else {"version": version})))


def reasons(given: Sequence[Reason]) -> list[dict[str, str]]:
    """Return reasons against a spec as JSON has them."""
    return [{"key": one.key, "code": str(one.problem), "message": str(one)} for one in given]


def _invalid_spec(refused: InvalidSpec) -> Response:
    given, allow = reasons(refused.reasons), list(refused.allow)
    key, first = refused.key, refused.problem
    problem = Problem(RefusalCode.INVALID_SPEC, str(refused), key=key, problem=first, problems=given, allow=allow)
    return answer(problem, f"{refused.key}: {told(refused.reasons[0])}")


def told(reason: Reason) -> str:
    """Return the sentence of one reason in the language of the page."""
    limits = {name: listed(one) for name, one in sentence_params([reason]).items()}
    return gettext(reason.problem.sentence, **limits)


def _failure(failure: Failure) -> Response:
    return answer(Problem(RefusalCode.of(failure.code)))


def _no_ledger(error: LedgerUnavailable) -> Response:
    current_app.extensions["backstay"].log.error("the ledger is unavailable", extra={"cause": error.cause})
    return answer(Problem(RefusalCode.LEDGER_UNAVAILABLE, headers={"Retry-After": RETRY_AFTER_S}))


def _http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return error.get_response()  # type: ignore[return-value]
    code = _BY_STATUS.get(error.code, RefusalCode.BAD_REQUEST if error.code < 500 else RefusalCode.INTERNAL)
    allowed = getattr(error, "valid_methods", None)
    return answer(Problem(code, headers={"Allow": ", ".join(sorted(allowed))} if allowed else None))


def _unexpected(error: Exception) -> Response:
    _log(error)
    return answer(Problem(RefusalCode.INTERNAL))


def _log(error: BaseException | None) -> None:
    # By type only: the text of an exception can contain request data, or data passed to a library.
    current_app.extensions["backstay"].log.error(
        "request failed", extra={"kind": type(error).__name__, "endpoint": request.endpoint or ""}
    )
