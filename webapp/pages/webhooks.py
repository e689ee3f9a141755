"""Forms on the page of an app that add and remove webhooks without scripts."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from db import webhooks
from db.messages.refusals import RefusalCode
from flows.shapes.webhooks import hook
from flows.webhooks import lifecycle
from tasks.sources.invalid_spec import InvalidSpec
from tasks.webhooks import PROVIDERS
from webapp.api.webhooks import once
from webapp.forms.told import told
from webapp.http.current import caller, context, reading, workload_named
from webapp.http.problems import Problem

blueprint = Blueprint("hook_pages", __name__, url_prefix="/apps/<name>/hooks")


@blueprint.get("/new")
def new(name: str) -> str:
    """Render the form."""
    return _form(name, {})


@blueprint.post("")
def create(name: str) -> tuple[str, int]:
    """Add one, and show its address and secret once; render the form again when something is wrong."""
    inputs = {key: request.form.get(key, "").strip() for key in ("provider", "what", "pattern", "paths", "secret")}
    pattern = inputs["pattern"] or None
    key = "tag" if inputs["what"] == "tag" else "branch"
    try:
        made = lifecycle.add(
            context(),
            name,
            caller().actor,
            inputs["provider"],
            paths=[line.strip() for line in inputs["paths"].splitlines() if line.strip()] or None,
            secret=inputs["secret"] or None,
            **({key: pattern} if pattern else {}),
        )
    except InvalidSpec as refused:
        field = "pattern" if refused.key in {"branch", "tag"} else refused.key
        return _form(name, inputs, {field: told(refused)}), 422
    return render_template("confirm/hook_added.html", name=name, hook=once(made)), 201


@blueprint.get("/<version:number>/remove")
def confirm_removal(name: str, number: int) -> str:
    """Render what a removal means."""
    with reading(name) as (session, workload):
        found = next((hook(one) for one in webhooks.of_workload(session, workload.id) if one.id == number), None)
    if found is None:
        raise Problem(RefusalCode.NO_SUCH_HOOK)
    return render_template(f"{_folder()}/hook_removal.html", name=name, hook=found)


@blueprint.post("/<version:number>/remove")
def remove(name: str, number: int) -> Response:
    """Remove one."""
    if not lifecycle.remove(context(), name, number, caller().actor):
        raise Problem(RefusalCode.NO_SUCH_HOOK)
    return redirect(f"/apps/{name}#hooks", 303)


def _form(name: str, inputs: dict[str, str], errors: dict[str, str] | None = None) -> str:
    source = workload_named(name).spec["source"]
    fitting = [key for key, one in PROVIDERS.items() if one.needs is None or one.needs in source]
    return render_template(
        f"{_folder()}/hook.html",
        name=name,
        providers=fitting,
        inputs=inputs | {"secret": ""},
        errors=errors or {},
        is_image="image" in source,
        has_files="url" in source,
    )


def _folder() -> str:
    return "dialogs" if "dialog" in request.args else "confirm"
