"""Every code with which a request can be refused: its HTTP status, its title, and what to do next. Pure.

This is the only table of them: a new refusal is a new line here, with its line in docs/errors.md and its translation.
Titles and sentences carry no value, so none of them can leak one.
"""

from __future__ import annotations

from enum import StrEnum

from db.messages.errors import ERRORS
from db.states import ErrorCode


class RefusalCode(StrEnum):
    """A code with its (HTTP status, title of the answer, sentence)."""

    http_status: int
    heading: str
    sentence: str

    def __new__(cls, code: str, http_status: int, heading: str, sentence: str) -> RefusalCode:
        """Make a member from a line of the table."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.http_status, member.heading, member.sentence = http_status, heading, sentence
        return member

    @classmethod
    def of(cls, code: str) -> RefusalCode:
        """Return the member of an external code; INTERNAL for one that is no refusal."""
        return cls.__members__.get(code.upper(), cls.INTERNAL)

    NO_SUCH_WORKLOAD = (
        "no_such_workload",
        404,
        "No such workload",
        "There is no workload of that name; `backstay status` lists them.",
    )
    NO_SUCH_VERSION = (
        "no_such_version",
        404,
        "No such version",
        "This workload has no such version; its releases list the ones it has.",
    )
    NO_SUCH_REGISTRY = (
        "no_such_registry",
        404,
        "No such registry",
        "No credentials are stored for that registry; the list of registries shows the ones there are.",
    )
    NO_SUCH_HOOK = (
        "no_such_hook",
        404,
        "No such webhook",
        "This app has no webhook of that number; the list of its webhooks shows the ones it has.",
    )
    NO_SUCH_GIT_CREDENTIALS = (
        "no_such_git_credentials",
        404,
        "No such credentials",
        "No credentials are stored for that git server; the list of git credentials shows the ones there are.",
    )
    NAME_TAKEN = (
        "name_taken",
        409,
        "Name taken",
        "A workload of that name exists already; choose another name or change the one that is there.",
    )
    NO_SUCH_CONTAINER = (
        "no_such_container",
        404,
        "No such container",
        "Docker has no container of that name or id; `docker ps` lists those that run.",
    )
    NO_SUCH_PROJECT = (
        "no_such_project",
        404,
        "No such project",
        "Docker has no container of that project of Docker Compose; `docker ps` lists those that run.",
    )
    NOT_RUNNING = (
        "not_running",
        409,
        "Not running",
        "Only what runs can be adopted; start the container, then adopt it.",
    )
    ALREADY_MANAGED = (
        "already_managed",
        409,
        "Already managed",
        "Backstay manages that container already; `backstay status` lists the workloads.",
    )
    IMAGE_WITHOUT_NAME = (
        "image_without_name",
        422,
        "Image without a name",
        "The container's image has no name that a spec could use; name it with `docker tag IMAGE NAME:TAG`, then adopt "
        "the container.",
    )
    DEPLOY_IN_FLIGHT = (
        "deploy_in_flight",
        409,
        "A deploy is under way",
        "Another deploy of this workload is still under way; wait for it or cancel it.",
    )
    DEPLOY_FAILED = (
        "deploy_failed",
        409,
        "The deploy did not succeed",
        "The deploy that was waited for did not succeed; `deploy` has its row, with the error code.",
    )
    CHANGED_MEANWHILE = (
        "changed_meanwhile",
        412,
        "Changed in the meantime",
        "Another request changed this workload in the meantime; read it again and send the change with its new ETag.",
    )
    LIVE_CHANGED = (
        "live_changed",
        409,
        "The live version changed",
        "Another version went live in the meantime; look again before rolling back.",
    )
    NOT_CANCELLABLE = (
        "not_cancellable",
        409,
        "Not cancellable",
        "That deploy is finished, or about to be, so it cannot be cancelled.",
    )
    NOT_A_SUCCESS = (
        "not_a_success",
        422,
        "Not a successful version",
        "That version never succeeded, so it cannot be rolled back to; choose one that did.",
    )
    ALREADY_LIVE = (
        "already_live",
        422,
        "Already live",
        "That version is the live one already; there is nothing to do.",
    )
    NOT_ROLLBACK_CAPABLE = (
        "not_rollback_capable",
        422,
        "Cannot be rolled back to",
        "That version has no pin, so it cannot be brought back exactly; choose another.",
    )
    NOTHING_TO_ROLL_BACK_TO = (
        "nothing_to_roll_back_to",
        422,
        "Nothing to roll back to",
        "There is no earlier version that succeeded and differs; deploy one first.",
    )
    INVALID_SPEC = (
        "invalid_spec",
        422,
        "Invalid spec",
        "The spec has a key or a value that is not accepted; correct it and send it again.",
    )
    ORCHESTRATOR_UNREACHABLE = (
        "orchestrator_unreachable",
        503,
        "Prefect is unreachable",
        ERRORS[ErrorCode.ORCHESTRATOR_UNREACHABLE],
    )
    ENGINE_UNREACHABLE = ("engine_unreachable", 503, "Docker is unreachable", ERRORS[ErrorCode.ENGINE_UNREACHABLE])
    LEDGER_UNAVAILABLE = (
        "ledger_unavailable",
        503,
        "The ledger is unavailable",
        "The ledger cannot be used just now: its disk is full or read-only, or another program keeps it locked; "
        "`backstay doctor` says more.",
    )
    # Refusals of HTTP itself.
    BAD_WINDOW = (
        "bad_window",
        400,
        "Unknown time window",
        "The time window is unknown; choose 30m, 2h, 6h, 24h, 7d or 30d.",
    )
    BAD_REQUEST = (
        "bad_request",
        400,
        "Bad request",
        "The request could not be understood; correct it and send it again.",
    )
    UNAUTHORIZED = (
        "unauthorized",
        401,
        "Login needed",
        "Log in, or send a valid token as `Authorization: Bearer …`.",
    )
    WRONG_CREDENTIALS = (
        "wrong_credentials",
        401,
        "Wrong name or password",
        "No user has this name and password; check both and try again.",
    )
    FORBIDDEN = ("forbidden", 403, "Not allowed", "Your role may only read; ask an admin to do this.")
    CROSS_SITE = (
        "cross_site",
        403,
        "Request from another site",
        "The request came from another site, so it was not carried out; repeat it from Backstay's own page.",
    )
    NOT_FOUND = (
        "not_found",
        404,
        "Not found",
        "There is nothing at this address; the list of apps is a good place to start.",
    )
    METHOD_NOT_ALLOWED = (
        "method_not_allowed",
        405,
        "Method not allowed",
        "This address does not take that method; the Allow header lists those it takes.",
    )
    TOO_LARGE = ("too_large", 413, "Too large", "The request is larger than 1 MiB; send less.")
    UNSUPPORTED_MEDIA_TYPE = (
        "unsupported_media_type",
        415,
        "Unsupported media type",
        "Send JSON, with `Content-Type: application/json`.",
    )
    TOO_MANY_ATTEMPTS = (
        "too_many_attempts",
        429,
        "Too many attempts",
        "Too many failed logins; wait a moment, then try again.",
    )
    TOO_MANY_STREAMS = (
        "too_many_streams",
        503,
        "Too many streams",
        "As many pages as possible are being kept up to date at once; this one asks again each few seconds.",
    )
    INTERNAL = (
        "internal",
        500,
        "Internal error",
        "Something in Backstay itself went wrong; the detail is in the log of the web process.",
    )
