"""The Docker Engine: the only module that imports docker. Its errors leave as Failure, their text goes to the log.

The operations of the Engine are in the parts: containers, images, networks, events. No object of the SDK leaves
tasks.docker.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

import docker
import requests
from docker.errors import APIError, DockerException
from docker.types import CancellableStream
from docker.utils.build import exclude_paths

from db.states import ErrorCode
from tasks.docker.builds import Builds
from tasks.docker.caller import Duplex, Stream, StreamFailed
from tasks.docker.containers import Containers
from tasks.docker.events import Events
from tasks.docker.host_errors import is_disk_full, is_host_not_ready
from tasks.docker.images import Images
from tasks.docker.networks import Networks
from tasks.docker.records import EngineFacts, engine_facts
from tasks.docker.registry_errors import NOT_CONNECTED, error_code_for, failed_to_connect
from tasks.docker.upgraded import Upgraded
from tasks.failures import Failure

T = TypeVar("T")
TIMEOUT_S = 60
PING_TIMEOUT_S = 3
CONNECTIONS = 64
_ERRORS = (DockerException, requests.exceptions.RequestException, OSError)


class Connection:
    """The connection to one Engine: tasks.docker.caller.Caller. Connects on first use; after a failure the next call
    tries again."""

    def __init__(self, address: str, log: logging.Logger) -> None:
        self._address, self._log = address, log
        self._lock = threading.Lock()
        self._client: docker.DockerClient | None = None

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None

    def ask(
        self, what: str, question: Callable[[Any], T], code: ErrorCode = ErrorCode.INTERNAL, *, registry: bool = False
    ) -> T:
        """See Caller."""
        return self.guard(what, lambda: question(self._api()), code, registry=registry)

    def ask_unless(
        self, statuses: tuple[int, ...], what: str, question: Callable[[Any], T], code: ErrorCode = ErrorCode.INTERNAL
    ) -> T | None:
        """See Caller."""

        def ask(api: Any) -> T | None:
            try:
                return question(api)
            except APIError as error:
                if error.status_code not in statuses:
                    raise
                return None

        return self.ask(what, ask, code)

    def ask_briefly(self, what: str, question: Callable[[Any], T]) -> T:
        """Send a request with a short timeout, over a separate connection. Raises Failure(engine_unreachable)."""

        def ask() -> T:
            client = docker.DockerClient(base_url=self._address, timeout=PING_TIMEOUT_S)
            try:
                return question(client.api)
            finally:
                client.close()

        return self.guard(what, ask, ErrorCode.ENGINE_UNREACHABLE)

    def post(self, what: str, path: str, body: IO[bytes], params: dict[str, Any], headers: dict[str, str]) -> Stream:
        """See Caller. Not the SDK's build(): that cannot be closed while a step is silent."""

        def go(api: Any) -> Stream:
            url, wait = api._url(path), (TIMEOUT_S, None)
            answer = api._post(url, data=body, params=params, headers=headers, stream=True, timeout=wait)
            if answer.status_code >= 400:
                messages = iter([{"error": _reason(answer), "refused": True}])
            else:
                messages = api._stream_helper(answer, decode=True)
            stream: Stream = CancellableStream(messages, answer)
            return stream

        return self.ask(what, go, ErrorCode.BUILD_FAILED)

    def upgrade(self, what: str, path: str, protocol: str, headers: dict[str, str], code: ErrorCode) -> Duplex:
        """See Caller."""

        def go(api: Any) -> Duplex:
            wanted = {"Connection": "Upgrade", "Upgrade": protocol}
            answer = api._post(api._url(path), headers=headers | wanted, stream=True, timeout=(TIMEOUT_S, None))
            if answer.status_code != 101:
                answer.close()
                raise APIError(f"{path} was not upgraded", answer, "")
            return Upgraded(answer)

        return self.ask(what, go, code)

    def _api(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = docker.DockerClient(
                    base_url=self._address, timeout=TIMEOUT_S, max_pool_size=CONNECTIONS, version="auto"
                )
            return self._client.api

    def guard(self, what: str, action: Callable[[], T], code: ErrorCode, *, registry: bool = False) -> T:
        """See Caller."""
        try:
            return action()
        except (*_ERRORS, StreamFailed) as error:
            caught: Exception = error
        # Raised out here so that the foreign exception is not its context.
        code, kind = _code(caught, code, registry), type(caught).__name__
        self._log.warning("docker: %s failed", what, extra={"code": str(code), "detail": f"{kind}: {caught}"})
        raise Failure(code, NOT_CONNECTED if registry and failed_to_connect(_words(caught)) else kind)


class DockerEngine:
    """One Engine, by its address."""

    def __init__(self, address: str, log: logging.Logger | None = None) -> None:
        self.address = address
        self._connection = Connection(address, log or logging.getLogger("backstay.docker"))
        self.containers = Containers(self._connection)
        self.images = Images(self._connection)
        self.builds = Builds(self._connection)
        self.networks = Networks(self._connection)
        self.events = Events(self._connection)

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def version(self) -> str:
        """Return the Engine's version, read with a short timeout. Raises Failure(engine_unreachable)."""
        return self._connection.ask_briefly("version", lambda api: str(api.version()["Version"]))

    def about(self) -> EngineFacts:
        """Return facts about the Engine and its machine, with a short timeout. Raises Failure(engine_unreachable)."""
        return self._connection.ask_briefly("info", lambda api: engine_facts(api.info()))

    def memory_total(self) -> int:
        """Return the Docker host's RAM in bytes: the Engine reports it as the limit of a container without one."""
        return self._connection.ask("info", lambda api: int(api.info()["MemTotal"]))


def paths_to_send(root: Path, ignored: list[str], dockerfile: str) -> list[str]:
    """Return files, directories and links below a build's context that its .dockerignore does not exclude, sorted."""
    return sorted(exclude_paths(str(root), ignored, dockerfile))


def _reason(answer: requests.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"


def _code(error: Exception, default: ErrorCode, registry: bool) -> ErrorCode:
    if not isinstance(error, APIError | StreamFailed):
        return ErrorCode.ENGINE_UNREACHABLE
    if is_disk_full(_words(error)):
        return ErrorCode.NO_SPACE
    if not registry:
        return ErrorCode.HOST_NOT_READY if is_host_not_ready(_words(error)) else default
    return error_code_for(error.status_code if isinstance(error, APIError) else None, _words(error))


def _words(error: Exception) -> str:
    """Return the Engine's own message, without the address that the SDK writes in front, which names the image."""
    return str(error.explanation or "") if isinstance(error, APIError) else str(error)
