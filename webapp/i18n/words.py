"""The labels of codes on a page: statuses, reasons, triggers, stages, errors. Tables of texts to translate. Pure.

JSON keeps the codes themselves.
"""

from __future__ import annotations

from db.health.codes import StatusReason, WorkloadStatus
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
# In the order of the filter: what is not well first.
WORKLOAD_STATUSES: dict[str, str] = {
    WorkloadStatus.DOWN: N_("Down"),
    WorkloadStatus.CRASHING: N_("Crashing"),
    WorkloadStatus.DEGRADED: N_("Degraded"),
    WorkloadStatus.UNHEALTHY: N_("Unhealthy"),
    WorkloadStatus.DRIFTED: N_("Drifted"),
    WorkloadStatus.UNKNOWN: N_("Unknown"),
    WorkloadStatus.FAILED: N_("Not live"),
    WorkloadStatus.STOPPED: N_("Stopped"),
    WorkloadStatus.DEPLOYING: N_("Deploying"),
    WorkloadStatus.LIVE: N_("Live"),
    WorkloadStatus.NEW: N_("New"),
    WorkloadStatus.REMOVING: N_("Being removed"),
}
WORKLOAD_HINTS: dict[str, str] = {
    WorkloadStatus.DOWN: N_("Nothing of the live version runs."),
    WorkloadStatus.CRASHING: N_("The live version ended by itself twice or more within ten minutes."),
    WorkloadStatus.DEGRADED: N_("Some services of the live version do not run."),
    WorkloadStatus.UNHEALTHY: N_("The live version runs, and its health check fails."),
    WorkloadStatus.DRIFTED: N_("What runs is not what was deployed: a container was replaced or added."),
    WorkloadStatus.UNKNOWN: N_("Nobody can see at present whether the live version runs."),
    WorkloadStatus.FAILED: N_("Nothing is live: the last deploy did not succeed."),
    WorkloadStatus.STOPPED: N_("Stopped by a person."),
    WorkloadStatus.DEPLOYING: N_("A deploy is in progress."),
    WorkloadStatus.LIVE: N_("The live version runs."),
    WorkloadStatus.NEW: N_("Not deployed yet."),
    WorkloadStatus.REMOVING: N_("Its containers are stopped and removed, then its history is deleted."),
}
STATUS_REASONS: dict[str, str] = ERRORS | {
    StatusReason.CRASHED: N_("crashed"),
    StatusReason.FINISHED: N_("exited by itself"),
    StatusReason.STOPPED_BY_HAND: N_("stopped by hand, outside Backstay"),
    StatusReason.PAUSED: N_("paused by hand, outside Backstay"),
    StatusReason.CONTAINER_GONE: N_("its container was removed outside Backstay"),
    StatusReason.NOT_STARTED: N_("its container is not running"),
    StatusReason.HEALTH_CHECK_FAILED: N_("its health check fails"),
    StatusReason.NOT_AS_PINNED: N_("not what was deployed"),
    StatusReason.DOCKER_AWAY: N_("Docker does not respond"),
    StatusReason.ENGINE_AWAY: N_("the engine of its host is not running"),
}
KEEPS_TRYING = N_("Backstay keeps trying to start it.")
# What happens next, where that is not plain.
STATUS_ADVICE: dict[str, str] = {
    StatusReason.PORT_IN_USE: KEEPS_TRYING,
    StatusReason.START_FAILED: KEEPS_TRYING,
    StatusReason.HOST_NOT_READY: KEEPS_TRYING,
    StatusReason.STOPPED_BY_HAND: N_("It stays down until it is started or deployed again."),
    StatusReason.CONTAINER_GONE: N_("Deploy again to bring it back."),
    StatusReason.NOT_AS_PINNED: N_("Deploy again to restore it."),
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
    "done": N_("done"),
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
    "crash": N_("v%(version)s crashed"),
    "oom": N_("v%(version)s ran out of memory"),
    "finished": N_("v%(version)s exited"),
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
    "status_reason": STATUS_REASONS,
    "status_advice": STATUS_ADVICE,
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
