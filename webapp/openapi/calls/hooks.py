"""Webhooks: the one address open to outside senders, and the list of a workload's hooks."""

from __future__ import annotations

from db.messages.refusals import RefusalCode as Code
from webapp.openapi.calls.call import Answer, Body, Call, ok
from webapp.shapes.webhooks import Delivered, Hooks, MadeHook, NewHook

ANYTHING = {"description": "What the sender sends: see docs/webhooks.md."}

TAKEN: dict[int, Answer] = {
    200: Answer("Genuine, and no deploy follows.", Delivered),
    202: Answer("Genuine, and a deploy follows.", Delivered, headers={"Location": "The deploy, if any."}),
}
NOT_TAKEN = (Code.UNAUTHORIZED, Code.TOO_MANY_ATTEMPTS, Code.BAD_REQUEST, Code.TOO_LARGE)

CALLS: dict[str, Call] = {
    "hooks.list_all": Call("List the webhooks of a workload", ok(Hooks), refuses=(Code.NO_SUCH_WORKLOAD,)),
    "hooks.create": Call(
        "Add a webhook",
        {201: Answer("It is there; what is shown is shown this once.", MadeHook, headers={"Location": "The list."})},
        body=Body(NewHook),
        refuses=(Code.NO_SUCH_WORKLOAD, Code.INVALID_SPEC),
    ),
    "hooks.remove": Call(
        "Remove a webhook",
        {204: Answer("It is gone.")},
        refuses=(Code.NO_SUCH_WORKLOAD, Code.NO_SUCH_HOOK),
    ),
    "hooks.receive": Call(
        "Take a delivery",
        TAKEN,
        body=Body(ANYTHING, optional=True),
        refuses=NOT_TAKEN,
        more="For whoever knows the token of the address and proves by a signature or a secret that it is genuine.",
    ),
    "hooks.receive_by_address": Call(
        "Take a delivery of a sender that knows nothing but its address",
        TAKEN,
        body=Body(ANYTHING, optional=True),
        refuses=NOT_TAKEN,
        more="For Docker Hub, which can send neither a signature nor a secret.",
    ),
}
