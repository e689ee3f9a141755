"""Deploys: the history, comparisons, and the requests that start or stop one."""

from __future__ import annotations

from db.messages.refusals import RefusalCode as Code
from db.states import Reason, Status
from flows.shapes.base import LARGEST
from flows.shapes.deploys import Row
from webapp.api.deploys import DEFAULT_ROWS, MOST_ROWS
from webapp.api.waits import LONGEST_S
from webapp.http.params import LONGEST_KEY
from webapp.openapi.calls.call import Answer, Body, Call, Parameter, ok
from webapp.shapes.deploys import BuildLog, Diff, Rows, TellingRow, WholeImpact
from webapp.shapes.stored import DeployRequest, RollbackRequest

VERSION = {"type": "integer", "minimum": 1, "maximum": LARGEST}
KEY = Parameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
    "The same key gives the same row, however often it is sent.",
    "header",
)
PAGE = (
    Parameter("limit", {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": DEFAULT_ROWS}, "How many."),
    Parameter("before", VERSION, "Only versions older than this one."),
    Parameter("status", {"type": "string", "enum": [*Status]}, "Only rows that stand so."),
    Parameter("reason", {"type": "string", "enum": [*Reason]}, "Only rows that were made for this."),
)
ACCEPTED = {
    202: Answer("The row; what became of it is asked for at Location.", Row, headers={"Location": "Its address."})
}
WAIT = Parameter(
    "wait",
    {"type": "integer", "minimum": 1, "maximum": LONGEST_S},
    "Seconds to wait for its end: 200 when it succeeded, 409 `deploy_failed` when it did not, 202 when time is over.",
)
PREFER = Parameter(
    "Prefer", {"type": "string"}, "`wait=SECONDS`: the same; what cannot be understood is ignored.", "header"
)
ENDED = {200: Answer("With `wait`: the row; the deploy succeeded.", Row, headers={"Location": "Its address."})}
REQUEST = (
    Code.DEPLOY_FAILED,
    Code.NO_SUCH_WORKLOAD,
    Code.DEPLOY_IN_FLIGHT,
    Code.INVALID_SPEC,
    Code.ORCHESTRATOR_UNREACHABLE,
)

CALLS: dict[str, Call] = {
    "deploys.list_all": Call(
        "List the deploys of a workload",
        ok(Rows, "Newest first.", headers={"Link": "With rel=next: older rows."}),
        query=PAGE,
        refuses=(Code.NO_SUCH_WORKLOAD,),
    ),
    "deploys.create": Call(
        "Start a deploy",
        ENDED | ACCEPTED,
        body=Body(DeployRequest, optional=True),
        query=(WAIT, PREFER, KEY),
        refuses=REQUEST,
    ),
    "deploys.show": Call("Read a deploy", ok(TellingRow), refuses=(Code.NO_SUCH_WORKLOAD, Code.NO_SUCH_VERSION)),
    "deploys.compare": Call(
        "What going to a version would change",
        ok(Diff, "Key by key, secret values masked."),
        query=(
            Parameter(
                "against",
                {"anyOf": [{"const": "live", "type": "string"}, VERSION], "default": "live"},
                "A version, or the live one.",
            ),
        ),
        refuses=(Code.NO_SUCH_WORKLOAD, Code.NO_SUCH_VERSION),
    ),
    "deploys.roll_back": Call(
        "Start a rollback",
        ENDED | ACCEPTED,
        body=Body(RollbackRequest, optional=True),
        query=(WAIT, PREFER, KEY),
        refuses=(
            *REQUEST,
            Code.NO_SUCH_VERSION,
            Code.LIVE_CHANGED,
            Code.NOT_A_SUCCESS,
            Code.ALREADY_LIVE,
            Code.NOT_ROLLBACK_CAPABLE,
            Code.NOTHING_TO_ROLL_BACK_TO,
        ),
    ),
    "deploys.cancel": Call(
        "Ask an unfinished deploy to stop",
        ACCEPTED,
        refuses=(Code.NO_SUCH_WORKLOAD, Code.NO_SUCH_VERSION, Code.NOT_CANCELLABLE),
    ),
    "build_logs.show": Call(
        "The log of a deploy's build, from an offset on",
        ok(BuildLog, "Whole lines; ask again with its offset until it is complete."),
        query=(Parameter("offset", {"type": "integer", "minimum": 0, "maximum": LARGEST, "default": 0}, "Bytes."),),
        refuses=(Code.NO_SUCH_WORKLOAD, Code.NO_SUCH_VERSION),
    ),
    "impacts.show": Call(
        "What a deploy did to CPU, memory and crashes",
        ok(WholeImpact, "As it stands now, while it has not settled."),
        refuses=(Code.NO_SUCH_WORKLOAD, Code.NO_SUCH_VERSION),
    ),
}
