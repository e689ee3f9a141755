"""Requesting the adoption of containers that others started: a workload, a row with their pin, and a run.

Changes no container, and neither does the run: see flows.dispatch.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from db import adopted, event_log, history, workloads
from db.ledger import DeployInFlight, NewDeploy
from db.messages.events import tell
from db.messages.refusals import RefusalCode
from db.models import Deploy, Workload
from db.states import FINAL, Reason
from flows.new_deploy import Asked, write
from flows.refusals import Refusal
from flows.requests import start
from flows.workloads.lifecycle import checked, locked
from tasks.adoption import look, projects
from tasks.adoption.look import Adoptable, CannotAdopt
from tasks.context import Context, now
from tasks.failures import attempt
from tasks.kinds import KINDS
from tasks.specs import Spec, public, release_of


def find_container(context: Context, reference: str, name: str = "") -> Adoptable:
    """Read a running container. Raises Refusal (no_such_container, not_running, already_managed, image_without_name),
    InvalidSpec, tasks.failures.Failure."""
    found = attempt(lambda: look.container(context, reference, name), CannotAdopt)
    return _accepted(context, found)


def find_project(context: Context, project: str, name: str = "") -> Adoptable:
    """Read a running project of Docker Compose. Raises as find_container does, and Refusal(no_such_project)."""
    return _accepted(context, attempt(lambda: projects.project(context, project, name), CannotAdopt))


def request_adoption(context: Context, found: Adoptable, asked: Asked) -> Deploy:
    """Add the workload, open the row and have it run. Raises Refusal (name_taken, already_managed, deploy_in_flight,
    orchestrator_unreachable), InvalidSpec.

    A name whose adoption has failed, and that runs nothing, can be used again.
    """
    return start(context, *open_adoption(context, found, asked))


def open_adoption(context: Context, found: Adoptable, asked: Asked) -> tuple[Deploy, str, bool]:
    """Do as flows.requests.open_deploy does. For callers that carry the row out themselves."""
    spec = checked(context, found.mapped.complete)
    code = RefusalCode.DEPLOY_IN_FLIGHT
    try:
        with context.database.writing() as session:
            moment = now()
            workload = _workload(session, context, spec, asked, moment)
            row = write(session, workload, _new(session, workload, found, asked, moment), moment)
            adopted.add(session, row, found.containers)
            return row, workload.name, True
    except workloads.NameTaken:
        code = RefusalCode.NAME_TAKEN
    except DeployInFlight:
        pass
    raise Refusal(code)


def _accepted(context: Context, found: Adoptable | CannotAdopt) -> Adoptable:
    if isinstance(found, CannotAdopt):
        raise Refusal(found.code)
    checked(context, found.mapped.complete)
    with context.database.reading() as session:
        if adopted.claimed(session, [one[0] for one in found.containers]):
            raise Refusal(RefusalCode.ALREADY_MANAGED)
    return found


def _workload(session: Session, context: Context, spec: Spec, asked: Asked, moment: datetime) -> Workload:
    values = locked(context, spec)
    before = workloads.find(session, spec.name, removing=True)
    if before is None:
        workload = workloads.create(session, public(spec), values, moment)
        event_log.note(session, workload.id, tell("created"), moment, actor=asked.actor)
        return workload
    last = history.latest(session, before.id)
    was_adopted = last is not None and last.reason == Reason.ADOPT and last.status in FINAL
    if not was_adopted or before.removing_at is not None or history.live(session, before.id) is not None:
        raise workloads.NameTaken
    workloads.change(session, before.id, public(spec), values, moment)
    return session.get_one(Workload, before.id, populate_existing=True)


def _new(session: Session, workload: Workload, found: Adoptable, asked: Asked, moment: datetime) -> NewDeploy:
    release = release_of(workload.spec, list(workload.secrets))
    return NewDeploy(
        reason=Reason.ADOPT,
        trigger=asked.trigger,
        actor=asked.actor,
        source_kind=found.kind,
        requested=KINDS[found.kind].requested(workload.spec["source"]),
        release_sha=workloads.keep_document(session, release, moment),
        host=workload.host,
        pin=found.pin,
    )
