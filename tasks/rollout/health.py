"""The health gate: waits until a new container works, or reports why it does not.

Probes the container's own address: a TCP connect to a published port succeeds as soon as Docker's proxy listens, even
if the program behind it does not.
"""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from db.releases import HealthCheck, Port, protocol_of
from db.states import ErrorCode
from tasks.docker.records import ContainerRecord
from tasks.failures import Failure

FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 0.5
PROBE_TIMEOUT_S = 3.0
DEFAULT_TIMEOUT_S = 30.0
LEAST_FOR_DOCKER_S = 60.0
DEFAULT_RUNNING_S = 3.0
GOOD = ("200-399",)


@dataclass(frozen=True)
class Check:
    """The chosen health check. kind: http, tcp, docker or running. Times in seconds."""

    kind: str
    timeout_s: float
    port: int | None = None
    path: str = "/"
    host: str | None = None  # the Host header; None: the container's address
    statuses: Sequence[str] = GOOD
    running_s: float = DEFAULT_RUNNING_S


def choose(health: HealthCheck | None, ports: Sequence[Port], image_check_s: float | None) -> Check:
    """Return the check for a release. Pure. image_check_s: the seconds that the image's HEALTHCHECK may need.

    Its own, else the image's HEALTHCHECK, else TCP on the first TCP port, else some seconds of running.
    """
    # Over UDP, silence says nothing.
    first_port = next((port["container"] for port in ports if protocol_of(port) == "tcp"), None)
    by_docker = max(image_check_s or 0.0, LEAST_FOR_DOCKER_S)
    if health is None:
        if image_check_s is not None:
            return Check("docker", by_docker)
        return Check("running" if first_port is None else "tcp", DEFAULT_TIMEOUT_S, port=first_port)
    timeout = health.get("timeout_s") or (by_docker if "docker" in health else DEFAULT_TIMEOUT_S)
    if "http" in health:
        return Check(
            "http",
            timeout,
            port=health.get("port") or first_port,
            path=health["http"],
            host=health.get("host"),
            statuses=health.get("status", GOOD),
        )
    if "tcp" in health:
        return Check("tcp", timeout, port=health["tcp"])
    return Check(
        "docker" if "docker" in health else "running", timeout, running_s=health.get("running_s", DEFAULT_RUNNING_S)
    )


def wait_until_healthy(
    check: Check,
    look: Callable[[], ContainerRecord | None],
    pause: Callable[[float], None],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Return when the check passes. `pause` waits that many seconds and may raise to give up.

    Raises Failure: exited_early, out_of_memory, health_timeout.
    """
    began = clock()
    deadline = began + (check.running_s if check.kind == "running" else check.timeout_s)
    wait = FIRST_PAUSE_S
    while True:
        container = look()
        raise_if_over(container)
        assert container is not None  # noqa: S101 - raise_if_over has ensured it
        late = clock() >= deadline
        if check.kind == "running":
            if late:
                return
        elif passes(check, container):
            return
        elif late or container.health == "unhealthy":
            raise Failure(ErrorCode.HEALTH_TIMEOUT, check.kind)
        pause(max(0.0, min(wait, deadline - clock())))
        wait = min(wait * 1.5, LONGEST_PAUSE_S)


def raise_if_over(container: ContainerRecord | None) -> None:
    """Raise Failure when the container exited: out_of_memory, else exited_early."""
    if container is not None and container.running and container.restarts == 0:
        return
    if container is not None and container.oom_killed:
        raise Failure(ErrorCode.OUT_OF_MEMORY, "oom")
    raise Failure(ErrorCode.EXITED_EARLY, "gone" if container is None else "exit")


def passes(check: Check, container: ContainerRecord) -> bool:
    """Probe a running container once; return whether it works. Takes PROBE_TIMEOUT_S at most."""
    if check.kind == "running":
        return True
    if check.kind == "docker":
        return container.health == "healthy"
    if not container.address or check.port is None:
        return False
    if check.kind == "tcp":
        return tcp_answers(container.address, check.port)
    return http_answers(container.address, check.port, check.path, check.host, check.statuses)


def tcp_answers(address: str, port: int) -> bool:
    """Return whether the address accepts a TCP connection."""
    try:
        with socket.create_connection((address, port), timeout=PROBE_TIMEOUT_S):
            return True
    except OSError:
        return False


def http_answers(address: str, port: int, path: str, host: str | None = None, statuses: Sequence[str] = GOOD) -> bool:
    """Return whether a GET is answered with one of these statuses. Redirects are not followed."""
    connection = http.client.HTTPConnection(address, port, timeout=PROBE_TIMEOUT_S)
    try:
        headers = {"User-Agent": "backstay-health", "Connection": "close"} | ({"Host": host} if host else {})
        connection.request("GET", path, headers=headers)
        return _is_among(connection.getresponse().status, statuses)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _is_among(status: int, statuses: Sequence[str]) -> bool:
    ranges = (one.partition("-") for one in statuses)
    return any(int(first) <= status <= int(last or first) for first, _, last in ranges)


def port_is_taken(address: str, port: int, protocol: str = "tcp") -> bool:
    """Return whether another process has a port of this machine: called when a container could not start.

    False when it is unknown, as for an address that is not this machine's.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM) as probe:
        if protocol == "tcp":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.errno == 98  # EADDRINUSE
    return False
