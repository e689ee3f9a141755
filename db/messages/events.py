"""What the event log says: one English sentence a code, with %(name)s for what is filled in. Pure.

A line of the log keeps the code and what was filled in beside the English text, so that a page can say it in another
language. The sentences are the keys of the translations in webapp. Nothing of somebody else's error goes in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SENTENCES: dict[str, str] = {
    # What a person or a program asked for.
    "created": "Created",
    "changed": "Changed: %(keys)s",
    "requested_deploy": "Version %(version)s requested: deploy of %(requested)s",
    "requested_rollback": "Version %(version)s requested: rollback to version %(target)s (%(requested)s)",
    "requested_auto_rollback": "Version %(version)s requested: automatic rollback to version %(target)s "
    "(%(requested)s)",
    "hook_added": "Webhook added (%(provider)s)",
    "hook_removed": "Webhook removed (%(provider)s)",
    "hook_push": "Webhook: %(what)s was pushed",
    "hook_waiting": "Webhook: %(what)s was pushed; it is deployed as soon as what is under way has ended",
    "hook_held": "Webhook: %(what)s was pushed and not deployed: it is held back until a person deploys it",
    "hook_left_alone": "Webhook: %(what)s was pushed, which this hook does not wait for",
    "hook_given_up": "What a webhook asked for could not be started, and is not tried again",
    "hook_outdated": "What a webhook asked for does not go with the app's source any more, and is not deployed",
    # How a deploy went.
    "live": "Version %(version)s is live",
    "live_again": "Version %(version)s is live, back to version %(target)s",
    "ended": "Version %(version)s ended: %(code)s",
    "ended_in": "Version %(version)s ended (%(stage)s: %(code)s)",
    "ended_serving": "Version %(version)s ended (%(stage)s: %(code)s); version %(live)s keeps serving",
    "ended_alone": "Version %(version)s ended: %(code)s, nobody was working on it any more",
    "secrets_missing": "These secrets of the release have no value today: %(names)s.",
    "registry_silent": "The registry did not give %(image)s; the image that this host has was used.",
    "built_before": "Version %(version)s needed no build: version %(of)s was built from the same %(source)s",
    "built_again": "Version %(version)s was built again from %(source)s, because the image was gone",
    "services_built_again": "Version %(version)s: the image of %(services)s was gone, and was built again from "
    "%(source)s",
    "no_change": "Version %(version)s changes nothing: version %(live)s, which keeps serving, has the same content and "
    "configuration",
    "not_deployed_held": "Version %(version)s is not deployed: its image is held back until a person deploys it",
    "put_in_order": "Containers were put in order after an interruption",
    "compose_refused": "The compose file may not have %(keys)s; take it out, or name it in source.allow if it is "
    "meant to be",
    "compose_unusable": "The compose file cannot have %(keys)s as it is; change it, or take it out",
    "service_failed": "Version %(version)s: service %(service)s: %(code)s",
    # What is found out later.
    "drifted": "Version %(version)s does not run as the ledger says",
    "as_pinned_again": "Version %(version)s runs as pinned again",
    "taken_back_memory": "Version %(version)s was killed for using too much memory; going back automatically",
    "taken_back_restarted": "Version %(version)s ended and was started again; going back automatically",
    "taken_back_ended": "Version %(version)s ended; going back automatically",
    "taken_back_health": "Version %(version)s stopped passing its health check; going back automatically",
    "no_way_back": "Version %(version)s failed soon after it went live, and there is no version to go back to",
    "held": "Version %(version)s is held back from automatic deploys until a person deploys it",
    # What happened to the containers.
    "crashed": "Version %(version)s crashed with exit code %(exit_code)s",
    "ran_out_of_memory": "Version %(version)s ended because it ran out of memory",
    "ended_by_itself": "Version %(version)s ended by itself with exit code %(exit_code)s",
    "stopped_by_hand": "Version %(version)s was stopped by hand",
    "process_killed": "Version %(version)s reached its memory limit, and a process of it was killed",
    "started_by_hand": "Version %(version)s was started by hand",
    "started_by_docker": "Version %(version)s was started again by Docker",
    "unhealthy": "Version %(version)s became unhealthy",
    "healthy_again": "Version %(version)s is healthy again",
    "paused_by_hand": "Version %(version)s was paused by hand",
    "goes_on": "Version %(version)s goes on after a pause",
}


@dataclass(frozen=True)
class Told:
    """A line for the event log: a code of SENTENCES and what is filled in: numbers, texts, lists of texts."""

    code: str
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The English sentence."""
        return SENTENCES[self.code] % {name: listed(value) for name, value in self.params.items()}


def tell(code: str, /, **params: Any) -> Told:
    """A line for the event log. Raises KeyError for a code without a sentence, or when what goes into it is missing.

    Texts are kept as plain texts, so that enumerations (a stage, an error code) can be stored as JSON.
    """
    plain = {name: str(value) if isinstance(value, str) else value for name, value in params.items()}
    told = Told(code, plain)
    told.text  # noqa: B018 - what cannot be said is found out here, not when somebody reads the log
    return told


def asked_for(reason: str, version: int, requested: str, target: int | None) -> Told:
    """The line of a request, by the reason of its row. `target` is the version that a rollback goes back to."""
    back = {} if target is None else {"target": target}
    return tell(f"requested_{reason}", version=version, requested=requested, **back)


def listed(value: Any) -> str:
    """A value as a sentence has it; several with commas."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
