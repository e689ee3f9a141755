"""Forms that create, change and remove an app without scripts; errors stand beside their fields."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from db import adopted
from db.messages.file_problems import OF_THE_HOST
from db.messages.refusals import RefusalCode
from db.models import Workload
from db.serialize import iso
from db.workloads import NameTaken
from flows import requests
from flows.refusals import Refusal
from flows.workloads import check, lifecycle
from tasks.kinds import KINDS, kind_of
from tasks.sources.invalid_spec import InvalidSpec, Reason
from webapp.api.deploys import asked
from webapp.api.workloads import removed
from webapp.forms import accepted, fields, refusals, source_fields, spec
from webapp.forms.told import sentences
from webapp.http.current import caller, context, workload_named
from webapp.http.problems import Problem
from webapp.i18n.i18n import gettext
from webapp.i18n.marking import N_
from webapp.pages.actions import refused

blueprint = Blueprint("specs", __name__)
CHANGED_MEANWHILE = N_(
    "Another person changed these settings in the meantime. Your version is below; saving it replaces theirs."
)
NOT_THE_NAME = N_("This is not the name of the app.")
USUAL = {"kind": "image", "deploy_now": "on"}
blueprint.register_error_handler(Refusal, refused)


@blueprint.get("/new")
def new() -> str:
    """Render the empty form."""
    return _form({**USUAL, **{key: value for key, value in request.args.items() if key == "kind" and value in KINDS}})


@blueprint.post("/new")
def create() -> Response | tuple[str, int]:
    """Add the app, and deploy it when that was ticked; render the form again when something is wrong."""
    inputs = accepted.inputs_of(request.form.to_dict())
    try:
        wanted = spec.spec_of(inputs)
        check.raise_unless_fine(context(), wanted, OF_THE_HOST)
        workload = lifecycle.create(context(), wanted, caller().actor)
    except (spec.BadInputs, InvalidSpec, NameTaken) as problem:
        return _refused(problem, inputs), 409 if isinstance(problem, NameTaken) else 422
    request.view_args = {"name": workload.name}  # a refusal of the deploy is shown on its page
    source = workload.spec["source"]
    if source["kind"] == "static" and not source.keys() & {"url", "path"}:
        return redirect(f"/apps/{workload.name}/deploy", 303)  # the files are still to be uploaded
    if inputs.get("deploy_now"):
        requests.request_deploy(context(), workload.name, asked())
    return redirect(f"/apps/{workload.name}", 303)


@blueprint.get("/apps/<name>/edit")
def edit(name: str) -> str:
    """Render the form with what the next deploy would run."""
    workload = workload_named(name)
    secrets, seen = sorted(workload.secrets), iso(workload.updated_at)
    return _form(spec.inputs_of(workload.spec), name, secrets, seen, kinds=_becomes(workload))


@blueprint.post("/apps/<name>/edit")
def change(name: str) -> Response | tuple[str, int]:
    """Keep the changes for the next deploy; render the form again when something is wrong."""
    workload, inputs = workload_named(name), accepted.inputs_of(request.form.to_dict())
    secrets, seen = sorted(workload.secrets), iso(workload.updated_at)
    if inputs.get("seen") != seen:
        meanwhile = {refusals.ANYWHERE: [gettext(CHANGED_MEANWHILE)]}
        return _form(inputs, name, secrets, seen, meanwhile, _becomes(workload)), 409
    removed = [one for one in request.form.getlist(spec.REMOVE) if one in workload.secrets]
    try:
        patch = lifecycle.exactly(spec.patch_of(inputs, removed, workload.spec["source"]), workload.spec)
        check.raise_unless_fine_change(context(), workload, patch, OF_THE_HOST)
        lifecycle.change(context(), name, patch, caller().actor)
    except (spec.BadInputs, InvalidSpec) as problem:
        return _refused(problem, inputs, name, secrets=secrets, seen=seen, kinds=_becomes(workload)), 422
    return redirect(f"/apps/{name}#spec", 303)


@blueprint.get("/apps/<name>/remove")
def confirm_removal(name: str) -> str:
    """Render what a removal deletes, with a field for the name."""
    return _removal(workload_named(name))


@blueprint.post("/apps/<name>/remove")
def remove(name: str) -> Response | tuple[str, int]:
    """Remove the app if its name was typed; a longer removal continues and shows in the list."""
    workload = workload_named(name)
    if request.form.get("name", "").strip() != name:
        return _removal(workload, gettext(NOT_THE_NAME)), 422
    removed(name)
    return redirect("/apps", 303)


def errors_of(problem: Exception, inputs: dict[str, str]) -> dict[str, list[str]]:
    """Return field -> everything that is wrong with it, in the language of the page. Never quotes the input."""
    match problem:
        case spec.BadInputs(problems=several):
            return {name: [gettext(one.text, line=one.line)] for name, one in several.items()}
        case InvalidSpec(reasons=reasons):
            kind, found = inputs.get("kind", ""), defaultdict[str, list[Reason]](list)
            for reason in reasons:
                found[refusals.field_of_reason(reason, kind)].append(reason)
            return {field: list(sentences(several)) for field, several in found.items()}
        case NameTaken():
            return {"name": [gettext(refusals.NAME_TAKEN)]}
    raise Problem(RefusalCode.INTERNAL)


def _refused(problem: Exception, inputs: dict[str, str], name: str | None = None, **more: Any) -> str:
    """Render the form again with all that is wrong, and a tick that permits what may be permitted."""
    allow = list(problem.allow) if isinstance(problem, InvalidSpec) else []
    return _form(inputs, name, errors=errors_of(problem, inputs), allow=allow, **more)


def _form(
    inputs: dict[str, str],
    name: str | None = None,
    secrets: list[str] | None = None,
    seen: str | None = None,
    errors: dict[str, list[str]] | None = None,
    kinds: Iterable[str] = KINDS,
    allow: Sequence[str] = (),
) -> str:
    shown: dict[str, Any] = {**inputs, "secrets": ""}  # secrets are not sent back, and the page says so
    return render_template(
        "form.html",
        inputs=shown,
        name=name,
        secrets=secrets or [],
        lost_secrets=bool(inputs.get("secrets")),
        seen=seen,
        errors=errors or {},
        allow=allow,
        ticked_at=accepted.ticked_at(inputs.get("kind", "")),
        given=[field for field, value in inputs.items() if value] + list(errors or {}) + _shown_too(inputs, allow),
        kinds={kind: source_fields.SOURCES[kind] for kind in kinds if kind in source_fields.SOURCES},
        fields=fields,
    )


def _shown_too(inputs: dict[str, str], allow: Sequence[str]) -> list[str]:
    return [accepted.ticked_at(inputs.get("kind", ""))] if allow else []


def _becomes(workload: Workload) -> list[str]:
    """Return the kinds of source that an app may change to: those with the same rollout as its own."""
    return [kind for kind, one in KINDS.items() if one.rollout is kind_of(workload).rollout]


def _removal(workload: Workload, error: str | None = None) -> str:
    folder = "dialogs" if "dialog" in request.args else "confirm"
    has_files = workload.spec["source"]["kind"] == "compose"
    with context().database.reading() as session:
        names = [one.name for one in adopted.of_workload(session, workload.name)]
    page = f"{folder}/remove.html"
    return render_template(page, name=workload.name, has_files=has_files, adopted=names, error=error)
