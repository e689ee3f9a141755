"""The pin of an adopted compose project: the file that the spec has for it, rendered and stored, with the images that
run. Nothing is resolved, pulled or started.
"""

from __future__ import annotations

from typing import cast

from db import ledger, workloads
from db.releases import ComposePin
from db.states import ErrorCode
from tasks.compose import model
from tasks.context import now
from tasks.failures import Failure
from tasks.git.repository import working_directory
from tasks.job import Job
from tasks.kinds.compose import of_text

# Equal to no fingerprint: the first own deploy makes all containers anew.
ADOPTED = "adopted"


def prepare(job: Job) -> ComposePin:
    """Render the text, compare its services with those that run, store it; return the complete pin. Raises Failure."""
    pin = cast("ComposePin", job.pinned)
    with working_directory(job.context) as folder:
        job.rendered = of_text(job, folder, set)  # the names are those of the containers themselves
    if job.rendered["services"].keys() != pin["services"].keys():
        raise Failure(ErrorCode.INVALID_SOURCE, "services")
    exact = model.pinned(job.rendered, pin["services"])
    values = {**job.release.get("env", {}), **job.secrets}
    runs = model.runs(exact, job.deploy.version, values, job.context.vault.fingerprint_key, None)
    with job.context.database.writing() as session:
        sha = workloads.keep_document(session, exact, now())
        complete: ComposePin = {
            **pin,
            "sha256": sha,
            "runs": {name: {**one, "made_of": ADOPTED} for name, one in runs.items()},
        }
        ledger.record_pin(session, job.deploy.id, complete)
    return complete
