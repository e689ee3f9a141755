"""Short labels for codes within a sentence of the event log: why a deploy failed, and in which stage. Pure.

The labels are also the keys of the translations in webapp. The long sentences, which say what to do, are in errors.py.
"""

from __future__ import annotations

from db.states import ErrorCode, Stage

ERRORS: dict[str, str] = {
    ErrorCode.SOURCE_UNAVAILABLE: "the source could not be reached",
    ErrorCode.AUTH_REQUIRED: "the source refused the credentials",
    ErrorCode.REFERENCE_NOT_FOUND: "no such image, tag or ref",
    ErrorCode.REGISTRY_RATE_LIMITED: "the registry's limit of requests is reached",
    ErrorCode.HOST_KEY_CHANGED: "the SSH server presented another key",
    ErrorCode.COMPOSE_MISSING: "Docker Compose is missing",
    ErrorCode.BUILD_FAILED: "the build failed",
    ErrorCode.BUILDER_TOO_OLD: "this host's Docker is too old for the Dockerfile",
    ErrorCode.INVALID_SOURCE: "the source cannot be deployed as it is",
    ErrorCode.NO_NETWORK_LEFT: "no address range was left for its network",
    ErrorCode.CREATE_FAILED: "Docker refused to create the container",
    ErrorCode.MOUNT_NOT_ALLOWED: "a directory of the host may not be mounted",
    ErrorCode.VOLUME_MISSING: "a volume does not exist",
    ErrorCode.PORT_IN_USE: "a host port is already in use",
    ErrorCode.START_FAILED: "Docker could not start the container",
    ErrorCode.HOST_NOT_READY: "the Docker host is not ready for containers",
    ErrorCode.NO_SPACE: "the Docker host has no disk space left",
    ErrorCode.EXITED_EARLY: "the container exited before it was healthy",
    ErrorCode.HEALTH_TIMEOUT: "not healthy in time",
    ErrorCode.OUT_OF_MEMORY: "out of memory",
    ErrorCode.PIN_UNAVAILABLE: "the pinned image is no longer available",
    ErrorCode.PIN_MISMATCH: "the running image is not the pinned one",
    ErrorCode.ENGINE_UNREACHABLE: "Docker did not respond",
    ErrorCode.ORCHESTRATOR_UNREACHABLE: "Prefect did not respond",
    ErrorCode.INTERRUPTED: "the engine stopped",
    ErrorCode.CANCELLED: "cancelled",
    ErrorCode.INTERNAL: "an internal error in Backstay",
}
STAGE_PHRASES: dict[str, str] = {
    Stage.PIN: "while pinning the version",
    Stage.PREPARE: "while preparing the image",
    Stage.ROLL_OUT: "during the rollout",
    Stage.HEALTH: "in the health check",
    Stage.VERIFY: "in the verification",
    Stage.FINISH: "in the last step",
}
# A parameter of a sentence -> the labels that replace its codes.
OF_PARAM: dict[str, dict[str, str]] = {"code": ERRORS, "stage": STAGE_PHRASES}


def label(param: str, value: str) -> str:
    """Return the label of a code that fills in `param`; the value itself when it has none."""
    return OF_PARAM.get(param, {}).get(value, value)
