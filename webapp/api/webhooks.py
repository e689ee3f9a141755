"""Webhooks: the one address open to outside senders, and the list of a workload's hooks.

A sender authenticates by the token in the address and by a signature or the secret in a header. Whichever of these is
wrong, and whether or not the token exists, the answer is the same and takes about as long.
"""

from __future__ import annotations

import math
import secrets
import time

from flask import Blueprint, Response, current_app, request

from db import webhooks
from db.access.vault import token_hash
from db.messages.errors import HOOKS
from db.messages.refusals import RefusalCode
from db.models import Hook, Workload
from flows.refusals import Refusal
from flows.shapes.webhooks import hook as hook_shape
from flows.webhooks import lifecycle, receive
from tasks.context import Context, now
from tasks.webhooks import PROVIDERS, Unreadable
from tasks.webhooks.delivery import same
from webapp.http import params
from webapp.http.answers import json_answer, nothing
from webapp.http.current import caller, context, reading
from webapp.http.login_backoff import Attempts
from webapp.http.problems import Problem
from webapp.shapes.webhooks import NewHook

blueprint = Blueprint("hooks", __name__, url_prefix="/api")
ATTEMPTS = "backstay.hook_attempts"
DECOY = "backstay.hook_decoy"
# A push of many commits is long; the body is read before the sender is authenticated.
MOST_BODY = 5 * 1024 * 1024
LONGEST_TOKEN = 100
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="backstay-hooks"'}
NOT_GENUINE = "There is no webhook with this address and this signature or secret; check both."
TOO_MANY = "Too many calls with a wrong address, signature or secret; wait a moment, then try again."


def decoy(here: Context) -> str:
    """Return what a call is checked against when its token is unknown: a locked secret that no sender knows."""
    return here.vault.lock(secrets.token_urlsafe(32))


@blueprint.post("/hooks/<token>", endpoint="receive")
def take(token: str) -> Response:
    """Accept a delivery: 202 when it leads to a deploy, 200 when it does not, and why."""
    return _taken(token, None)


@blueprint.post("/hooks/<token>/<secret>", endpoint="receive_by_address")
def take_by_address(token: str, secret: str) -> Response:
    """Accept a delivery of a sender that can send nothing but its address, as `receive` does."""
    return _taken(token, secret)


def _taken(token: str, given: str | None) -> Response:
    request.max_content_length = MOST_BODY
    body = request.get_data(cache=False, parse_form_data=False)
    hook, workload = _genuine(token, given, body)
    try:
        deliveries = PROVIDERS[hook.provider].read(request.headers, body)
    except Unreadable:
        deliveries = None
    if deliveries is None:
        with context().database.writing() as session:
            webhooks.mark(session, hook.id, "unreadable", now())
        raise Problem(RefusalCode.BAD_REQUEST, HOOKS["unreadable"])
    try:
        answer = receive.receive(context(), hook, workload, deliveries)
    except Refusal:
        answer = None
    if answer is None:  # hook or workload was removed meanwhile
        raise _refused()
    found = {"outcome": answer.outcome, "detail": HOOKS[answer.outcome], "workload": workload.name}
    headers = {"Location": f"/api/workloads/{workload.name}/deploys/{answer.version}"} if answer.version else None
    status = 202 if answer.outcome in {"deploying", "waiting"} else 200
    return json_answer(found | {"version": answer.version}, status, headers)


def _genuine(token: str, given: str | None, body: bytes) -> tuple[Hook, Workload]:
    """Return the called hook and its workload; `given` is the secret in the address. Raises Problem(unauthorized,
    too_many_attempts)."""
    attempts: Attempts = current_app.extensions[ATTEMPTS]
    name, address, moment = token_hash(token), request.remote_addr or "", time.monotonic()
    with context().database.reading() as session:
        found = webhooks.by_token(session, token) if len(token) <= LONGEST_TOKEN and token.isascii() else None
    provider, locked = (found[0].provider, found[0].secret) if found else ("generic", current_app.extensions[DECOY])
    secret = context().vault.unlock(locked)
    context().redactor.learn([secret])
    sender = PROVIDERS[provider]
    is_signed = sender.is_genuine(request.headers, body, secret)
    is_genuine = same(given, secret) if sender.secret_in_address else is_signed and given is None
    if found is None or not is_genuine:
        wait = attempts.wait(name, address, moment)
        attempts.failed(name, address, moment)
        raise _slow_down(wait) if wait > 0 else _refused()
    # Senders may share an address, say a proxy's: only failures at this very hook delay a valid call.
    if (wait := attempts.wait_of_name(name, address, moment)) > 0:
        raise _slow_down(wait)
    attempts.succeeded(name, address)
    return found


def _refused() -> Problem:
    return Problem(RefusalCode.UNAUTHORIZED, NOT_GENUINE, headers=CHALLENGE)


def _slow_down(wait: float) -> Problem:
    return Problem(RefusalCode.TOO_MANY_ATTEMPTS, TOO_MANY, headers={"Retry-After": str(math.ceil(wait))})


@blueprint.get("/workloads/<name>/hooks")
def list_all(name: str) -> Response:
    """Answer the webhooks of a workload, without token and secret."""
    with reading(name) as (session, workload):
        return json_answer({"hooks": [hook_shape(one) for one in webhooks.of_workload(session, workload.id)]})


@blueprint.post("/workloads/<name>/hooks")
def create(name: str) -> Response:
    """Add a webhook: 201 with its address and secret, which are shown only once."""
    new = params.body(NewHook)
    made = lifecycle.add(
        context(),
        name,
        caller().actor,
        new.provider,
        branch=new.branch,
        tag=new.tag,
        paths=new.paths,
        secret=new.secret,
    )
    return json_answer(once(made), 201, {"Location": f"/api/workloads/{name}/hooks"})


@blueprint.delete("/workloads/<name>/hooks/<version:number>")
def remove(name: str, number: int) -> Response:
    """Remove a webhook: 204."""
    if not lifecycle.remove(context(), name, number, caller().actor):
        raise Problem(RefusalCode.NO_SUCH_HOOK)
    return nothing()


def once(made: lifecycle.Made) -> dict[str, object]:
    """Return a new hook with the values that are shown only once."""
    url = (context().settings.public_url or request.url_root).rstrip("/") + made.path
    return hook_shape(made.hook) | {"url": url, "path": made.path, "token": made.token, "secret": made.secret}
