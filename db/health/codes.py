"""The closed lists of a workload's status and of its reasons, and the judgement that carries both. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

WINDOW_S = 600  # within which ends are counted


class WorkloadStatus(StrEnum):
    """The status of a workload now. What its newest deploy came to is db.states.Status."""

    NEW = "new"
    DEPLOYING = "deploying"
    LIVE = "live"
    CRASHING = "crashing"  # it ended by itself twice or more within ten minutes, and is started again and again
    UNHEALTHY = "unhealthy"
    DEGRADED = "degraded"  # some of its services do not run
    DOWN = "down"  # none of its services runs
    STOPPED = "stopped"  # by a person, through Backstay
    DRIFTED = "drifted"
    FAILED = "failed"  # no version has ever been live
    UNKNOWN = "unknown"
    REMOVING = "removing"


class StatusReason(StrEnum):
    """Why a workload is not well. A failed one has the error code of its last deploy instead."""

    CRASHED = "crashed"
    OUT_OF_MEMORY = "out_of_memory"
    FINISHED = "finished"  # it ended with code 0, though it should run
    STOPPED_BY_HAND = "stopped_by_hand"
    PAUSED = "paused"
    CONTAINER_GONE = "container_gone"
    NOT_STARTED = "not_started"  # created, or stopped for a reason that is not known
    PORT_IN_USE = "port_in_use"
    HOST_NOT_READY = "host_not_ready"
    START_FAILED = "start_failed"
    HEALTH_CHECK_FAILED = "health_check_failed"
    NOT_AS_PINNED = "not_as_pinned"
    DOCKER_AWAY = "docker_away"
    ENGINE_AWAY = "engine_away"


NOT_WELL = frozenset(
    {
        WorkloadStatus.CRASHING,
        WorkloadStatus.UNHEALTHY,
        WorkloadStatus.DEGRADED,
        WorkloadStatus.DOWN,
        WorkloadStatus.DRIFTED,
        WorkloadStatus.FAILED,
        WorkloadStatus.UNKNOWN,
    }
)


@dataclass(frozen=True)
class Judgement:
    """What a look at the containers of a live version came to. `since`: of its cause, None where that has no moment.

    `services`: those of a compose file that the reason is about. restarts_10m: ends that nobody asked for.
    """

    status: WorkloadStatus
    reason: StatusReason | None = None
    since: datetime | None = None
    exit_code: int | None = None
    services: tuple[str, ...] = ()
    restarts_10m: int = 0
