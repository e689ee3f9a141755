"""Sentences of the event log: one in English per code, with %(name)s for its parameters. Pure.

A line of the log stores the code and the parameters beside the English text, so that a page can show it in another
language. The sentences are the keys of the translations in webapp. The text of an external error is never included.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from db.messages.file_problems import FileProblem
from db.messages.labels import label
from db.states import ErrorCode, Stage, Status, status_for

SENTENCES: dict[str, str] = {
    # Requests of a person or a program.
    "created": "Created.",
    "changed": "Changed: %(keys)s.",
    "still_pending": "Version %(version)s is live; changes that were not deployed yet stay for the next deploy: "
    "%(keys)s.",
    "pending_discarded": "Changes that were not deployed yet are discarded: %(keys)s.",
    "requested_deploy": "Version %(version)s requested: deploy of %(requested)s.",
    "requested_rollback": "Version %(version)s requested: rollback to version %(target)s (%(requested)s).",
    "requested_auto_rollback": "Version %(version)s requested: automatic rollback to version %(target)s "
    "(%(requested)s).",
    "requested_adopt": "Version %(version)s requested: adopt what runs (%(requested)s).",
    "hook_added": "Webhook added (%(provider)s).",
    "hook_removed": "Webhook removed (%(provider)s).",
    "hook_push": "Webhook: %(what)s was pushed.",
    "hook_waiting": "Webhook: %(what)s was pushed. It is deployed when the deploy in progress has finished.",
    "hook_held": "Webhook: %(what)s was pushed and not deployed: it is blocked from automatic deploys. Deploy it by "
    "hand to lift the block.",
    "hook_left_alone": "Webhook: push of %(what)s ignored, because it is not the branch or tag of this webhook.",
    "hook_skipped": "Webhook: %(what)s was pushed and not deployed, as the message of its commit asks ([skip ci]).",
    "hook_other_paths": "Webhook: %(what)s was pushed and not deployed: it changes no file that this webhook is for.",
    "hook_given_up": "The deploy that a webhook requested could not be started and is not retried. Deploy by hand.",
    "hook_outdated": "The deploy that a webhook requested was dropped: the app's source has changed since.",
    # The course of a deploy.
    "live": "Version %(version)s is live.",
    "live_again": "Version %(version)s is live: rolled back to version %(target)s.",
    "adopted": "Version %(version)s is live: running containers were adopted and left as they are (%(containers)s).",
    "adopted_differs": "The first deploy after version %(version)s will change what a spec cannot express: %(keys)s.",
    "ended": "Version %(version)s failed: %(code)s.",
    "ended_in": "Version %(version)s failed %(stage)s: %(code)s.",
    "ended_serving": "Version %(version)s failed %(stage)s: %(code)s. Version %(live)s keeps serving.",
    "ended_alone": "Version %(version)s failed: %(code)s.",
    "cancelled_alone": "Version %(version)s was cancelled.",
    "cancelled_in": "Version %(version)s was cancelled %(stage)s.",
    "cancelled_serving": "Version %(version)s was cancelled %(stage)s. Version %(live)s keeps serving.",
    "interrupted_alone": "Version %(version)s was interrupted: the engine stopped during the deploy. Deploy again.",
    "interrupted_in": "Version %(version)s was interrupted %(stage)s: the engine stopped. Deploy again.",
    "interrupted_serving": "Version %(version)s was interrupted %(stage)s: the engine stopped. Version %(live)s "
    "keeps serving; deploy again.",
    "secrets_missing": "These secrets of the release no longer have a value: %(names)s. Set them in the settings of "
    "the app.",
    "build_secrets_missing": "The build needs these secrets, which have no value: %(names)s. Set them in the "
    "settings of the app.",
    "registry_silent": "The registry did not serve %(image)s. The image on this host was used.",
    "host_image_kept": "source.pull is if_missing: the image %(image)s that this host already had was used, and no "
    "registry was asked.",
    "host_image_refused": "The registry did not serve %(image)s. This host has an image of that name, but it may be an "
    "old one, so it was not used. Deploy again when the registry serves it, or allow the host's image: source.pull: "
    "if_missing, in a compose file pull_policy: missing.",
    "site_file_missing": "%(key)s names %(file)s, which is not among the files of the site.",
    "site_server_unknown": "fallback, not_found and cache of a source need nginx or Caddy to serve the files, and "
    "%(image)s (BACKSTAY_STATIC_IMAGE) starts neither.",
    "lfs_pointers": "Version %(version)s: %(path)s is a Git LFS pointer, its content is not in the repository. Number "
    "of pointers: %(count)s. Backstay does not fetch from Git LFS.",
    "git_login_refused": "%(host)s did not serve the repository with the credentials that are stored for %(name)s.",
    "git_login_missing": "%(host)s did not serve the repository, and no credentials that fit its address are stored.",
    "submodules_empty": "Version %(version)s: %(count)s submodules of the repository were left empty: %(paths)s. Set "
    "source.submodules to true to fetch them.",
    "submodule_refused": "The submodule %(path)s was not fetched: its address is missing in .gitmodules, or is none "
    "that a submodule may have (https, ssh; http where BACKSTAY_GIT_PROTOCOLS lists it; never a file or credentials).",
    "submodule_failed": "The submodule %(path)s could not be fetched: %(code)s.",
    "built_before": "Version %(version)s uses the image of version %(of)s, which was built from the same source "
    "(%(source)s).",
    "built_again": "Version %(version)s was rebuilt from %(source)s, because its image was no longer on the host.",
    "services_built_again": "Version %(version)s: the image of %(services)s was rebuilt from %(source)s, because it "
    "was no longer on the host.",
    "builder_too_old": "Version %(version)s: Docker %(engine)s on this host cannot build %(what)s; Docker %(since)s "
    "and newer can. Update Docker, or begin the Dockerfile with `# syntax=docker/dockerfile:1`.",
    "build_needs_buildkit": "Version %(version)s: %(what)s needs BuildKit, which this host's Docker does not have or "
    "has turned off. Turn it on, or remove it from the Dockerfile.",
    "base_not_pulled": "Version %(version)s: %(image)s, which the Dockerfile needs, could not be pulled. Check its "
    "name, the network and the stored credentials of its registry.",
    "no_change": "Version %(version)s changes nothing: its content and configuration are those of version %(live)s, "
    "which keeps serving.",
    "not_deployed_held": "Version %(version)s was not deployed: its image is blocked from automatic deploys. Deploy "
    "it by hand to lift the block.",
    "own_network": "Version %(version)s runs in a network of its own. Other apps no longer reach it by its address in "
    "Docker's default network.",
    "put_in_order": "Containers were restored after an interruption.",
    "compose_unset": "Version %(version)s: the compose file uses variables that are not set, so they are blank or left "
    "out: %(names)s. Set them in env or secrets, or give them a default, as in ${NAME:-default}.",
    "compose_warned": "Version %(version)s: Docker Compose warned about %(keys)s in the compose file; the engine's log "
    "has its words.",
    "compose_warned_more": "Version %(version)s: Docker Compose warned about the compose file (%(count)s); the "
    "engine's log has its words.",
    "compose_not_built": "Version %(version)s takes the images that the compose file names for %(services)s and builds "
    "nothing: a text has no files to build from. To build them, deploy the file from its repository.",
    "files_in_container": "The app has stored files in its container, which this deploy would remove: %(paths)s. From "
    "now on they belong to HOME/files/%(workload)s. Copy them there, or create the directory to begin without them, "
    "then deploy again: %(commands)s",
    "files_differ": "Version %(version)s: the repository's content of %(paths)s has changed since it was copied "
    "to HOME/files/%(workload)s, and the app keeps its copy, because it may write there. Mount it with :ro if it is to "
    "follow the repository, or change the copy.",
    "files_moved": "Files of the app were moved from HOME/work to HOME/files/%(workload)s, its own directory, where "
    "they last: %(paths)s.",
    "files_not_moved": "The app's files in HOME/work could not be moved to HOME/files/%(workload)s; the engine's log "
    "has the reason. They are kept. Move them by hand, then deploy again.",
    "files_unusable": "One of %(paths)s in HOME/files/%(workload)s cannot be mounted: it is a link or a missing file, "
    "or cannot be written. Remove or replace it there, then deploy again.",
    "files_in_work": "The app stores files in HOME/work, which Backstay clears at its start; they were kept. Deploy "
    "the app again to move them to HOME/files/%(workload)s.",
    "compose_allow": "To allow what can be allowed of this, set source.allow to [%(allow)s].",
    "mount_source_missing": "Version %(version)s: the host does not have %(paths)s, which the app mounts (%(keys)s). "
    "Create it, or mount something else, then deploy again.",
    "port_of_app": "Version %(version)s: the app %(app)s has the port %(port)s of the host. Choose another one in the "
    "spec, or stop that app.",
    "port_of_container": "Version %(version)s: the container %(container)s, which Backstay did not start, has the port "
    "%(port)s of the host. Choose another one in the spec, or stop that container.",
    "port_of_program": "Version %(version)s: a program outside Docker has the port %(port)s of the host. Choose "
    "another one in the spec, or stop that program.",
    "service_failed": "Version %(version)s: service %(service)s failed: %(code)s.",
    "compose_all_ended": "Version %(version)s: all services have ended, and none keeps running. If they are jobs, say "
    'restart: "no" for each.',
    # Later findings.
    "drifted": "Version %(version)s does not run as deployed: a container was stopped, removed or replaced. Deploy "
    "again to restore it.",
    "as_pinned_again": "Version %(version)s runs as deployed again.",
    "taken_back_memory": "Version %(version)s ran out of memory and was killed. Rolling back automatically.",
    "taken_back_restarted": "Version %(version)s exited and was restarted. Rolling back automatically.",
    "taken_back_ended": "Version %(version)s exited. Rolling back automatically.",
    "taken_back_health": "Version %(version)s stopped passing its health check. Rolling back automatically.",
    "no_way_back": "Version %(version)s failed soon after it went live, and no version can be rolled back to. Deploy "
    "one that works.",
    "held": "Version %(version)s is blocked from automatic deploys. Deploy it by hand to lift the block.",
    # Container events.
    "crashed": "Version %(version)s crashed with exit code %(exit_code)s.",
    "ran_out_of_memory": "Version %(version)s ran out of memory and was killed.",
    "ended_by_itself": "Version %(version)s exited with code %(exit_code)s.",
    "stopped_by_hand": "Version %(version)s was stopped by hand, outside Backstay.",
    "process_killed": "Version %(version)s reached its memory limit, and the kernel killed one of its processes.",
    "started_by_hand": "Version %(version)s was started by hand, outside Backstay.",
    "started_by_docker": "Version %(version)s was restarted by Docker.",
    "unhealthy": "Version %(version)s became unhealthy: its health check fails.",
    "healthy_again": "Version %(version)s is healthy again.",
    "crashed_often": "Version %(version)s crashed %(count)s times within %(minutes)s min, last with exit code "
    "%(exit_code)s.",
    "ran_out_of_memory_often": "Version %(version)s ran out of memory and was killed %(count)s times within "
    "%(minutes)s min.",
    "ended_by_itself_often": "Version %(version)s exited %(count)s times within %(minutes)s min, last with exit code "
    "%(exit_code)s.",
    "process_killed_often": "Version %(version)s reached its memory limit %(count)s times within %(minutes)s min, and "
    "the kernel killed one of its processes.",
    "started_by_docker_often": "Version %(version)s was restarted by Docker %(count)s times within %(minutes)s min.",
    "started_again": "Version %(version)s was down and was started again.",
    "not_started": "Version %(version)s is down and could not be started: %(code)s. Backstay keeps trying.",
    "paused_by_hand": "Version %(version)s was paused by hand, outside Backstay.",
    "goes_on": "Version %(version)s was resumed after a pause.",
    # What is wrong with a compose file.
    **{str(problem): problem.sentence for problem in FileProblem},
}


# The lines that name what made a deploy fail: a key, a variable, a path, a service, and what can be permitted of it.
REASONS = frozenset(
    {
        *map(str, FileProblem),
        *("compose_allow", "service_failed", "mount_source_missing", "files_unusable", "files_in_container"),
        *("secrets_missing", "build_secrets_missing", "host_image_refused", "submodule_refused", "submodule_failed"),
        *("builder_too_old", "build_needs_buildkit", "base_not_pulled"),
    }
)
# How the codes of a line begin, by the final status of its deploy. Older versions wrote `ended` for all three.
_VERBS = {Status.FAILED: "ended", Status.CANCELLED: "cancelled", Status.INTERRUPTED: "interrupted"}


@dataclass(frozen=True)
class Told:
    """A line for the event log: a code of SENTENCES and its parameters (numbers, texts, lists of texts)."""

    code: str
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The English sentence, codes of errors and stages as their labels."""
        return SENTENCES[self.code] % {name: _shown(name, value) for name, value in self.params.items()}


def tell(code: str, /, **params: Any) -> Told:
    """Return a line for the event log. Raises KeyError for an unknown code or a missing parameter.

    Texts are stored as plain strings, so that enumerations (a stage, an error code) can be written as JSON.
    """
    plain = {name: str(value) if isinstance(value, str) else value for name, value in params.items()}
    told = Told(code, plain)
    told.text  # noqa: B018 - a missing parameter fails here, not when a person reads the log
    return told


def asked_for(reason: str, version: int, requested: str, target: int | None) -> Told:
    """Return the line of a request, by the reason of its row. `target` is the version that a rollback restores."""
    back = {} if target is None else {"target": target}
    return tell(f"requested_{reason}", version=version, requested=requested, **back)


def unsuccessful(version: int, code: ErrorCode, stage: Stage, live: int | None) -> Told:
    """Return the line of a deploy that failed, was cancelled or was interrupted, in `stage`. `live` keeps serving."""
    verb = _VERBS[status_for(code)]
    params = {"version": version, "stage": stage, "code": code}
    return tell(f"{verb}_in", **params) if live is None else tell(f"{verb}_serving", **params, live=live)


def abandoned(version: int, code: ErrorCode) -> Told:
    """Return the line of a deploy whose engine stopped, closed later by reconcile or sweep."""
    return tell(f"{_VERBS[status_for(code)]}_alone", version=version, code=code)


def listed(value: Any) -> str:
    """Return a value as a sentence shows it; lists with commas."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _shown(name: str, value: Any) -> str:
    return label(name, value) if isinstance(value, str) else listed(value)
