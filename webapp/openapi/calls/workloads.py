"""Workloads."""

from __future__ import annotations

from tasks.specs import Spec
from webapp.openapi.calls.call import Answer, Body, Call, ok
from webapp.openapi.shapes.deploys import TakenIn
from webapp.openapi.shapes.stored import UnderRemoval, WholeWorkload, Workloads

PATCH = "SpecChange"  # made of the spec: see webapp.openapi.document

CALLS: dict[str, Call] = {
    "workloads.list_all": Call("List the workloads", ok(Workloads)),
    "workloads.create": Call(
        "Add a workload",
        {201: Answer("It was added; nothing runs yet.", WholeWorkload, headers={"Location": "Its address."})},
        body=Body(Spec),
        refuses=("name_taken", "invalid_spec"),
    ),
    "workloads.show": Call("Read a workload", ok(WholeWorkload), refuses=("no_such_workload",)),
    "workloads.change": Call(
        "Change the spec for the next deploy",
        ok(WholeWorkload, "It was changed; nothing that runs was touched."),
        body=Body(PATCH),
        refuses=("no_such_workload", "invalid_spec"),
    ),
    "content.put": Call(
        "Upload the files of a static site",
        ok(TakenIn, "They were taken in; the next deploy serves them."),
        body=Body({"type": "string", "format": "binary"}, media=("application/octet-stream",)),
        refuses=("no_such_workload", "invalid_spec", "too_large"),
        more="A tar (plain, gzip, bzip2, xz) or a zip.",
    ),
    "workloads.remove": Call(
        "Remove a workload",
        {
            204: Answer("Its containers are gone, and what the ledger had of it. Its volumes stay."),
            202: Answer("That takes longer than ten seconds; the engine of its host finishes it.", UnderRemoval),
        },
        refuses=("no_such_workload", "deploy_in_flight"),
        more="Asked again while it is being removed, it waits again. Until it is gone its status is `removing`.",
    ),
}
