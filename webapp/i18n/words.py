"""What codes are called on a page: statuses, reasons, triggers, stages, errors. Tables of texts to translate; pure.

JSON keeps the codes themselves.
"""

from __future__ import annotations

from db.messages.errors import HOOKS
from db.messages.sentences import SENTENCES
from db.states import ErrorCode, Reason, Stage, Status, Trigger
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
    "deploying": N_("A deploy is under way."),
    "running": N_("A verified version is live."),
    "drifted": N_("What runs is not what the live version pinned."),
    "failed": N_("Nothing is live; the last deploy did not succeed."),
    "new": N_("Nothing was deployed yet."),
    "removing": N_("Its containers stop and are removed, then its history is deleted."),
}
REASONS: dict[str, str] = {
    Reason.DEPLOY: N_("Deploy"),
    Reason.ROLLBACK: N_("Rollback"),
    Reason.AUTO_ROLLBACK: N_("Automatic rollback"),
}
TRIGGERS: dict[str, str] = {
    Trigger.UI: N_("web page"),
    Trigger.API: N_("API"),
    Trigger.CLI: N_("command line"),
    Trigger.WEBHOOK: N_("webhook"),
    Trigger.PREFECT: N_("Prefect"),
    Trigger.SCHEDULE: N_("schedule"),
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
    "registry": N_("Docker registry"),
    "generic": N_("Any other program"),
}
STAGES: dict[str, str] = {
    Stage.PIN: N_("pin the version"),
    Stage.PREPARE: N_("prepare the image"),
    Stage.ROLL_OUT: N_("roll out"),
    Stage.HEALTH: N_("wait for health"),
    Stage.VERIFY: N_("verify"),
    Stage.FINISH: N_("finish"),
}
# An error code within a sentence of the event log; the history says it as a sentence of its own.
ERRORS: dict[str, str] = {
    ErrorCode.SOURCE_UNAVAILABLE: N_("the source could not be reached"),
    ErrorCode.AUTH_REQUIRED: N_("credentials refused"),
    ErrorCode.REFERENCE_NOT_FOUND: N_("no such image, tag or ref"),
    ErrorCode.HOST_KEY_CHANGED: N_("the ssh server shows another key"),
    ErrorCode.COMPOSE_MISSING: N_("Docker Compose is missing"),
    ErrorCode.BUILD_FAILED: N_("the build failed"),
    ErrorCode.INVALID_SOURCE: N_("the source cannot be deployed as it is"),
    ErrorCode.CREATE_FAILED: N_("Docker refused to create the container"),
    ErrorCode.PORT_IN_USE: N_("a port is taken"),
    ErrorCode.START_FAILED: N_("the container did not start"),
    ErrorCode.HOST_NOT_READY: N_("the Docker host is not ready for containers"),
    ErrorCode.EXITED_EARLY: N_("the container stopped early"),
    ErrorCode.HEALTH_TIMEOUT: N_("not healthy in time"),
    ErrorCode.OUT_OF_MEMORY: N_("out of memory"),
    ErrorCode.PIN_UNAVAILABLE: N_("the pinned image is gone"),
    ErrorCode.PIN_MISMATCH: N_("something else than the pinned image ran"),
    ErrorCode.ENGINE_UNREACHABLE: N_("Docker did not answer"),
    ErrorCode.ORCHESTRATOR_UNREACHABLE: N_("Prefect did not answer"),
    ErrorCode.INTERRUPTED: N_("interrupted"),
    ErrorCode.CANCELLED: N_("cancelled"),
    ErrorCode.INTERNAL: N_("an error in Backstay itself"),
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
ROLES: dict[str, str] = {"viewer": N_("may read"), "admin": N_("admin")}
SERVICES: dict[str, str] = {"database": N_("Database"), "prefect": N_("Prefect"), "docker": N_("Docker Engine")}
ENGINE = "engine"
SERVICES_OF_SYSTEM = SERVICES | {ENGINE: N_("Engine")}
SERVICE_HINTS: dict[str, str] = {
    "database": N_("The ledger: workloads, deploys, events, samples."),
    "prefect": N_("Runs deploys and collects samples."),
    "docker": N_("Runs the containers."),
    "engine": N_("Carries out deploys on this host."),
}
# For the chart, which draws in the browser. %(name)s is filled in there.
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
    "interrupted": N_("v%(version)s interrupted"),
    "cancelled": N_("v%(version)s cancelled"),
    "rollback": N_("v%(version)s back to v%(target)s"),
    "empty": N_("No samples in this window yet. The first ones come within a minute of a container's start."),
    "unavailable": N_("The samples could not be loaded; trying again."),
    "no_chart": N_("The chart could not be loaded; load the page again."),
    "aria": N_("CPU and memory over time; the same numbers follow as a table."),
    "deploy": N_("Deploy"),
    "choose": N_("Choose a version in the history, or a mark here, to see its span of time."),
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
    """The texts of one kind of code, in their order."""
    return _TABLES[name]


def word(code: str | None, table: str) -> str:
    """The English text of a code; the code itself when this version has no text for it, "" for None."""
    return "" if code is None else _TABLES[table].get(code, code)
