"""The status machine of a deploy and the closed lists of the ledger. Pure: no I/O, no library.

Decides which transitions are permitted; db.ledger is the only module that acts on it.
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """The status of a deploy."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"


class Reason(StrEnum):
    """Why a deploy was made."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    AUTO_ROLLBACK = "auto_rollback"
    ADOPT = "adopt"


class Trigger(StrEnum):
    """The channel through which a deploy was requested."""

    UI = "ui"
    API = "api"
    CLI = "cli"
    WEBHOOK = "webhook"
    PREFECT = "prefect"
    SCHEDULE = "schedule"


class Stage(StrEnum):
    """The steps of the choke point, in their order."""

    PIN = "pin"
    PREPARE = "prepare"
    ROLL_OUT = "roll_out"
    HEALTH = "health"
    VERIFY = "verify"
    FINISH = "finish"


class PinFound(StrEnum):
    """The place where the image of a release is available, as of the last check."""

    HOST = "host"
    REGISTRY = "registry"
    SOURCE = "source"  # gone, but it can be rebuilt from its source
    NOWHERE = "nowhere"


class ErrorCode(StrEnum):
    """All that the ledger records of a failure. The detail is in the engine's log."""

    SOURCE_UNAVAILABLE = "source_unavailable"
    AUTH_REQUIRED = "auth_required"
    REFERENCE_NOT_FOUND = "reference_not_found"
    REGISTRY_RATE_LIMITED = "registry_rate_limited"
    HOST_KEY_CHANGED = "host_key_changed"
    COMPOSE_MISSING = "compose_missing"
    BUILD_FAILED = "build_failed"
    BUILDER_TOO_OLD = "builder_too_old"
    INVALID_SOURCE = "invalid_source"
    NO_NETWORK_LEFT = "no_network_left"
    CREATE_FAILED = "create_failed"
    MOUNT_NOT_ALLOWED = "mount_not_allowed"
    VOLUME_MISSING = "volume_missing"
    PORT_IN_USE = "port_in_use"
    START_FAILED = "start_failed"
    HOST_NOT_READY = "host_not_ready"
    NO_SPACE = "no_space"
    EXITED_EARLY = "exited_early"
    HEALTH_TIMEOUT = "health_timeout"
    OUT_OF_MEMORY = "out_of_memory"
    PIN_UNAVAILABLE = "pin_unavailable"
    PIN_MISMATCH = "pin_mismatch"
    ENGINE_UNREACHABLE = "engine_unreachable"
    ORCHESTRATOR_UNREACHABLE = "orchestrator_unreachable"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"
    INTERNAL = "internal"


UNFINISHED = frozenset({Status.QUEUED, Status.RUNNING})
FINAL = frozenset(Status) - UNFINISHED

TRANSITIONS: dict[Status, frozenset[Status]] = {
    # A queued deploy can fail (Prefect is unreachable), be cancelled, or lose its engine before it is claimed.
    Status.QUEUED: frozenset({Status.RUNNING, Status.FAILED, Status.CANCELLED, Status.INTERRUPTED}),
    Status.RUNNING: FINAL,
    Status.SUCCEEDED: frozenset(),
    Status.FAILED: frozenset(),
    Status.INTERRUPTED: frozenset(),
    Status.CANCELLED: frozenset(),
}


class IllegalTransition(Exception):  # noqa: N818 - it names what happened
    """A status that may not follow the present one."""

    def __init__(self, before: Status, after: Status) -> None:
        super().__init__(f"{before} -> {after}")
        self.before, self.after = before, after


def check_transition(before: Status, after: Status) -> None:
    """Raise IllegalTransition unless `after` may follow `before`."""
    if after not in TRANSITIONS[before]:
        raise IllegalTransition(before, after)


def status_for(code: ErrorCode) -> Status:
    """Return the final status that goes with an error code."""
    match code:
        case ErrorCode.INTERRUPTED:
            return Status.INTERRUPTED
        case ErrorCode.CANCELLED:
            return Status.CANCELLED
        case _:
            return Status.FAILED
