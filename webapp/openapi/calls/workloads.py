"""Workloads."""

from __future__ import annotations

from db.messages.refusals import RefusalCode as Code
from tasks.specs import Spec
from webapp.http.params import ETAGS
from webapp.openapi.calls.call import Answer, Body, Call, Parameter, ok
from webapp.shapes.checked import AddedWorkload, CheckedSpec
from webapp.shapes.deploys import TakenIn
from webapp.shapes.stored import UnderRemoval, WholeWorkload, Workloads

PATCH = "SpecChange"  # made of the spec: see webapp.openapi.document

ETAG = {"ETag": "Of the spec and the secrets: another one after each change of these. For If-Match."}
TAGS = {"type": "string", "pattern": ETAGS}
ADDED = {"Location": "Its address.", **ETAG}
IF_MATCH = Parameter("If-Match", TAGS, "Only if the workload still has this ETag.", "header")
IF_NONE_MATCH = Parameter("If-None-Match", TAGS, "With `*`: only if there is none yet.", "header")

CALLS: dict[str, Call] = {
    "workloads.list_all": Call("List the workloads", ok(Workloads)),
    "workloads.create": Call(
        "Add a workload",
        {201: Answer("It was added; nothing runs yet.", AddedWorkload, headers=ADDED)},
        body=Body(Spec),
        refuses=(Code.NAME_TAKEN, Code.INVALID_SPEC),
    ),
    "workloads.examine": Call(
        "Check a spec",
        ok(CheckedSpec, "Every reason at once; nothing was stored."),
        body=Body(Spec),
        more="The spec of a new workload, or as the change of the workload that has its name. A compose text is read "
        "by Docker Compose as a deploy reads it. A repository is fetched at the deploy only: a warning says so.",
    ),
    "workloads.show": Call(
        "Read a workload",
        ok(WholeWorkload, headers=ETAG),
        refuses=(Code.NO_SUCH_WORKLOAD,),
    ),
    "workloads.put": Call(
        "Add a workload, or replace its spec",
        {
            200: Answer("Its spec was replaced; nothing that runs was touched.", WholeWorkload, headers=ETAG),
            201: Answer("It was added; nothing runs yet.", AddedWorkload, headers=ADDED),
        },
        body=Body(Spec),
        query=(IF_MATCH, IF_NONE_MATCH),
        refuses=(Code.NAME_TAKEN, Code.CHANGED_MEANWHILE, Code.INVALID_SPEC),
        more="Secrets that the body does not name are kept; null removes one.",
    ),
    "workloads.change": Call(
        "Change the spec for the next deploy",
        ok(WholeWorkload, "It was changed; nothing that runs was touched.", headers=ETAG),
        body=Body(PATCH),
        query=(IF_MATCH, IF_NONE_MATCH),
        refuses=(Code.NO_SUCH_WORKLOAD, Code.CHANGED_MEANWHILE, Code.INVALID_SPEC),
    ),
    "content.put": Call(
        "Upload the files of a static site",
        ok(TakenIn, "They were taken in; the next deploy serves them."),
        body=Body({"type": "string", "format": "binary"}, media=("application/octet-stream",)),
        refuses=(Code.NO_SUCH_WORKLOAD, Code.INVALID_SPEC, Code.TOO_LARGE),
        more="A tar (plain, gzip, bzip2, xz) or a zip.",
    ),
    "workloads.remove": Call(
        "Remove a workload",
        {
            204: Answer("Its containers and files are gone, and what the ledger had of it. Its volumes stay."),
            202: Answer("That takes longer than ten seconds; the engine of its host finishes it.", UnderRemoval),
        },
        refuses=(Code.NO_SUCH_WORKLOAD, Code.DEPLOY_IN_FLIGHT),
        more="Asked again while it is being removed, it waits again. Until it is gone its status is `removing`.",
    ),
}
