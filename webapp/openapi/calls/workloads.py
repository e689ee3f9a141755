"""Workloads."""

from __future__ import annotations

from db.messages.refusals import RefusalCode as Code
from tasks.specs import Spec
from webapp.openapi.calls.call import Answer, Body, Call, ok
from webapp.shapes.deploys import CheckedSpec, TakenIn
from webapp.shapes.stored import UnderRemoval, WholeWorkload, Workloads

PATCH = "SpecChange"  # made of the spec: see webapp.openapi.document

CALLS: dict[str, Call] = {
    "workloads.list_all": Call("List the workloads", ok(Workloads)),
    "workloads.create": Call(
        "Add a workload",
        {201: Answer("It was added; nothing runs yet.", WholeWorkload, headers={"Location": "Its address."})},
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
    "workloads.show": Call("Read a workload", ok(WholeWorkload), refuses=(Code.NO_SUCH_WORKLOAD,)),
    "workloads.change": Call(
        "Change the spec for the next deploy",
        ok(WholeWorkload, "It was changed; nothing that runs was touched."),
        body=Body(PATCH),
        refuses=(Code.NO_SUCH_WORKLOAD, Code.INVALID_SPEC),
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
