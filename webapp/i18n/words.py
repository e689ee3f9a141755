"""The labels of codes on a page: statuses, reasons, triggers, stages, errors. Tables of texts to translate. Pure.

JSON keeps the codes themselves.
"""

from __future__ import annotations

from db.messages.errors import HOOKS
from db.messages.labels import ERRORS, STAGE_PHRASES
from db.messages.sentences import SENTENCES
from db.states import Reason, Stage, Status, Trigger
from webapp.i18n.marking import N_

STATUSES: dict[str, str] = {
    Status.QUEUED: N_("Queued"),
    Status.RUNNING: N_("Running"),
    Status.SUCCEEDED: N_("Succeeded"),
    Status.FAILED: N_("Failed"),
    Status.INTERRUPTED: N_("Interrupted"),
    Status.CANCELLED: N_("Cancelled"),
}
WORKLOAD_STATUSES: dict[str, str] = {
    "deploying": N_("Deploying"),
    "running": N_("Live"),
    "drifted": N_("Drifted"),
    "failed": N_("Not live"),
    "new": N_("New"),
    "removing": N_("Being removed"),
}
WORKLOAD_HINTS: dict[str, str] = {
    "deploying": N_("A deploy is in progress."),
    "running": N_("A verified version is live."),
    "drifted": N_("The live version does not run as deployed: a container was stopped, removed or replaced."),
    "failed": N_("Nothing is live: the last deploy did not succeed."),
    "new": N_("Not deployed yet."),
    "removing": N_("Its containers are stopped and removed, then its history is deleted."),
}
REASONS: dict[str, str] = {
    Reason.DEPLOY: N_("Deploy"),
    Reason.ROLLBACK: N_("Rollback"),
    Reason.AUTO_ROLLBACK: N_("Automatic rollback"),
    Reason.ADOPT: N_("Adoption"),
}
TRIGGERS: dict[str, str] = {
    Trigger.UI: N_("web page"),
    Trigger.API: N_("API"),
    Trigger.CLI: N_("command line"),
    Trigger.WEBHOOK: N_("webhook"),
    Trigger.PREFECT: N_("Prefect"),
    Trigger.SCHEDULE: N_("automatic rollback"),
}
SOURCES: dict[str, str] = {
    "image": N_("Image"),
    "git": N_("Git repository"),
    "compose": N_("Compose file"),
    "static": N_("Static site"),
}
PROVIDERS: dict[str, str] = {
    "github": N_("GitHub"),
    "gitea": N_("Gitea or Forgejo"),
    "gitlab": N_("GitLab"),
    "bitbucket": N_("Bitbucket"),
    "registry": N_("Docker registry"),
    "dockerhub": N_("Docker Hub"),
    "ghcr": N_("GitHub's registry (ghcr.io)"),
    "generic": N_("Any other program"),
}
STAGES: dict[str, str] = {
    Stage.PIN: N_("pin the version"),
    Stage.PREPARE: N_("prepare the image"),
    Stage.ROLL_OUT: N_("roll out"),
    Stage.HEALTH: N_("health check"),
    Stage.VERIFY: N_("verify"),
    Stage.FINISH: N_("finish"),
}
CONTAINER_STATES: dict[str, str] = {
    "created": N_("created"),
    "running": N_("running"),
    "paused": N_("paused"),
    "restarting": N_("restarting"),
    "removing": N_("being removed"),
    "exited": N_("stopped"),
    "dead": N_("dead"),
}
HEALTHS: dict[str, str] = {
    "starting": N_("starting"),
    "healthy": N_("healthy"),
    "unhealthy": N_("unhealthy"),
    "none": N_("no health check"),
}
LEVELS: dict[str, str] = {"info": N_("Info"), "warning": N_("Warning"), "error": N_("Error")}
ROLES: dict[str, str] = {"viewer": N_("read only"), "admin": N_("admin")}
SERVICES: dict[str, str] = {"database": N_("Database"), "prefect": N_("Prefect"), "docker": N_("Docker Engine")}
ENGINE = "engine"
SERVICES_OF_SYSTEM = SERVICES | {ENGINE: N_("Engine")}
SERVICE_HINTS: dict[str, str] = {
    "database": N_("The ledger: apps, deploys, events, samples."),
    "prefect": N_("Schedules deploys and the collection of samples."),
    "docker": N_("Runs the containers."),
    "engine": N_("Carries out deploys on this host."),
}
# For the chart, drawn in the browser. %(name)s is filled in there.
CHART: dict[str, str] = {
    "cpu": N_("CPU"),
    "memory": N_("Memory"),
    "limit": N_("Memory limit"),
    "cpu_most": N_("CPU, highest"),
    "memory_most": N_("Memory, highest"),
    "cpu_axis": N_("CPU, % of one core"),
    "memory_axis": N_("Memory, MiB"),
    "mib": N_("%(value)s MiB"),
    "percent": N_("%(value)s%%"),
    "version": N_("v%(version)s"),
    "failed": N_("v%(version)s failed"),
    "the engine stopped": N_("v%(version)s interrupted"),
    "cancelled": N_("v%(version)s cancelled"),
    "rollback": N_("v%(version)s back to v%(target)s"),
    "empty": N_("No samples in this window yet. The first ones appear within a minute after a container starts."),
    "unavailable": N_("The samples could not be loaded; retrying."),
    "no_chart": N_("The chart could not be loaded; reload the page."),
    "aria": N_("CPU and memory over time; the same numbers follow as a table."),
    "deploy": N_("Deploy"),
    "choose": N_("Choose a version in the history, or a mark here, to highlight its time."),
    "span": N_("v%(version)s: %(range)s"),
    "time": N_("Time"),
    "none": N_("none"),
}
_TABLES = {
    "status": STATUSES,
    "workload_status": WORKLOAD_STATUSES,
    "workload_hint": WORKLOAD_HINTS,
    "reason": REASONS,
    "trigger": TRIGGERS,
    "source": SOURCES,
    "stage": STAGES,
    "stage_phrase": STAGE_PHRASES,
    "error": ERRORS,
    "container_state": CONTAINER_STATES,
    "health": HEALTHS,
    "level": LEVELS,
    "role": ROLES,
    "service": SERVICES_OF_SYSTEM,
    "service_hint": SERVICE_HINTS,
    "code": SENTENCES,
    "hook": HOOKS,
    "provider": PROVIDERS,
}


def table(name: str) -> dict[str, str]:
    """Return the texts of one kind of code, in their order."""
    return _TABLES[name]


def word(code: str | None, table: str) -> str:
    """Return the English text of a code; the code itself when this version has no text for it, "" for None."""
    return "" if code is None else _TABLES[table].get(code, code)
