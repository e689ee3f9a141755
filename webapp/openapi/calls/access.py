"""Login, stored credentials, and the health of Backstay."""

from __future__ import annotations

from db.messages.refusals import RefusalCode as Code
from flows.shapes.git_credentials import GitCredential, GitCredentials, GitLogin
from webapp.openapi.calls.call import FORM, JSON, Answer, Body, Call, ok
from webapp.shapes.stored import (
    Alive,
    Anything,
    Credentials,
    Down,
    Login,
    Logout,
    Registries,
    Registry,
)

COOKIE = {"Set-Cookie": "The session."}

CALLS: dict[str, Call] = {
    "registries.list_all": Call("List the registries that credentials are stored for", ok(Registries)),
    "registries.put": Call(
        "Store credentials of a registry",
        ok(Registry, "Stored, the password encrypted."),
        body=Body(Credentials),
        refuses=(Code.INVALID_SPEC,),
    ),
    "registries.remove": Call(
        "Forget the credentials of a registry", {204: Answer("Forgotten.")}, refuses=(Code.NO_SUCH_REGISTRY,)
    ),
    "git_credentials.list_all": Call(
        "List the git servers and repositories that credentials are stored for", ok(GitCredentials)
    ),
    "git_credentials.put": Call(
        "Store credentials of a git server, or of a repository or an owner on it",
        ok(GitCredential, "Stored, encrypted."),
        body=Body(GitLogin),
        refuses=(Code.INVALID_SPEC,),
    ),
    "git_credentials.remove": Call(
        "Forget credentials of a git server",
        {204: Answer("Forgotten.")},
        refuses=(Code.NO_SUCH_GIT_CREDENTIALS,),
    ),
    "login.show": Call(
        "The form to log in with",
        {
            200: Answer("A page.", {"type": "string"}, "text/html"),
            303: Answer("There is a session already: on to the page.", headers={"Location": "Where to go on."}),
        },
    ),
    "login.log_in": Call(
        "Open a session",
        {
            204: Answer("For JSON: logged in.", headers=COOKIE),
            303: Answer("For a form: logged in, and on to the page.", headers=COOKIE | {"Location": "Where to go on."}),
        },
        body=Body(Login, media=(JSON, FORM)),
        refuses=(
            Code.WRONG_CREDENTIALS,
            Code.TOO_MANY_ATTEMPTS,
            Code.CROSS_SITE,
            Code.BAD_REQUEST,
            Code.TOO_LARGE,
        ),
        more="A form is refused with its page, `text/html`.",
    ),
    "login.log_out": Call(
        "End the session",
        {
            204: Answer("Logged out.", headers=COOKIE),
            303: Answer("For a browser: logged out, and on to the login.", headers=COOKIE),
        },
        body=Body(Logout, optional=True, media=(FORM,)),
    ),
    "health.healthz": Call("Whether the process answers", ok(Alive)),
    "health.readyz": Call(
        "Whether what it stands on answers",
        {200: Answer("All of it does.", Down), 503: Answer("What is down, by name.", Down)},
    ),
    "reference.document": Call("This document", ok(Anything, "OpenAPI 3.1.")),
}
