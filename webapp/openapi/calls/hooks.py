"""Webhooks: the one address that strangers call, and the list of those who may."""

from __future__ import annotations

from webapp.openapi.calls.call import Answer, Body, Call, ok
from webapp.openapi.shapes.webhooks import Delivered, Hooks, MadeHook, NewHook

ANYTHING = {"description": "What the sender sends: see docs/webhooks.md."}

CALLS: dict[str, Call] = {
    "hooks.list_all": Call("List the webhooks of a workload", ok(Hooks), refuses=("no_such_workload",)),
    "hooks.create": Call(
        "Add a webhook",
        {201: Answer("It is there; what is shown is shown this once.", MadeHook, headers={"Location": "The list."})},
        body=Body(NewHook),
        refuses=("no_such_workload", "invalid_spec"),
    ),
    "hooks.remove": Call(
        "Remove a webhook", {204: Answer("It is gone.")}, refuses=("no_such_workload", "no_such_hook")
    ),
    "hooks.receive": Call(
        "Take a delivery",
        {
            200: Answer("Genuine, and no deploy follows.", Delivered),
            202: Answer("Genuine, and a deploy follows.", Delivered, headers={"Location": "The deploy, if any."}),
        },
        body=Body(ANYTHING, optional=True),
        refuses=("unauthorized", "too_many_attempts", "bad_request", "too_large"),
        more="For whoever knows the token of the address and proves by a signature or a secret that it is genuine.",
    ),
}
