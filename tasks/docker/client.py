"""The Docker Engine: the only module that imports docker. Its errors leave here as Failure, their text goes to the log.

Does what it is told: what to create or remove is decided in tasks.rollout.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from docker.types import CancellableStream
from docker.utils.build import exclude_paths

from db.states import ErrorCode
from tasks.credentials import Credentials, auth_config
from tasks.docker import oom_kills
from tasks.docker.host_errors import is_host_not_ready
from tasks.docker.records import (
    ContainerRecord,
    EngineFacts,
    ImageRecord,
    NewContainer,
    container_record,
    engine_facts,
    image_record,
)
from tasks.docker.registry_errors import error_code_for
from tasks.failures import Failure

T = TypeVar("T")
TIMEOUT_S = 60
PING_TIMEOUT_S = 3
CONNECTIONS = 64
_ERRORS = (DockerException, requests.exceptions.RequestException, OSError)

__all__ = ["ContainerRecord", "Credentials", "DockerEngine", "ImageRecord", "NewContainer", "paths_to_send"]


class _StreamFailed(Exception):  # noqa: N818
    """An error that came inside the stream of a pull or a build."""


class DockerEngine:
    """One Engine. Connects on first use; after a failure the next call tries again."""

    def __init__(self, address: str, log: logging.Logger | None = None) -> None:
        self.address = address
        self._log = log or logging.getLogger("backstay.docker")
        self._lock = threading.Lock()
        self._clients: dict[int, docker.DockerClient] = {}  # by timeout in seconds

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def version(self) -> str:
        """Version of the Engine, asked with a short timeout. Raises Failure(engine_unreachable)."""
        return self._briefly("version", lambda client: str(client.version()["Version"]))

    def about(self) -> EngineFacts:
        """What the Engine is and stands on, asked with a short timeout. Raises Failure(engine_unreachable)."""
        return engine_facts(self._briefly("info", lambda client: client.info()))

    def _briefly(self, what: str, question: Callable[[docker.DockerClient], T]) -> T:
        def ask() -> T:
            client = docker.DockerClient(base_url=self.address, timeout=PING_TIMEOUT_S)
            try:
                return question(client)
            finally:
                client.close()

        return self._call(what, ask, ErrorCode.ENGINE_UNREACHABLE)

    def ask(self, what: str, question: Callable[[Any], T]) -> T:
        """What the Engine's low-level API answers to `question`, for tasks.images.host_images. Raises Failure."""
        return self._call(what, lambda: question(self._api))

    def registry_digest(self, reference: str, credentials: Credentials | None) -> str:
        """The digest that a registry has for `repository:tag` or `repository@digest`.

        Raises Failure: reference_not_found, auth_required, invalid_source, source_unavailable, engine_unreachable.
        """

        def ask() -> str:
            return str(self._api.inspect_distribution(reference, auth_config(credentials))["Descriptor"]["digest"])

        return self._call("resolve", ask, ErrorCode.SOURCE_UNAVAILABLE, registry=True)

    def local_image(self, reference: str) -> ImageRecord | None:
        """An image that the host has, by id, tag or digest."""

        def ask() -> ImageRecord | None:
            try:
                return image_record(self._api.inspect_image(reference))
            except NotFound:
                return None

        return self._call("inspect image", ask, ErrorCode.INTERNAL)

    def pull(self, repository: str, digest: str, credentials: Credentials | None, stop: Callable[[], None]) -> None:
        """Pull by digest. `stop` is called at each sign of progress and may raise.

        Raises Failure as registry_digest does.
        """

        def go() -> None:
            auth = auth_config(credentials)
            for line in self._api.pull(repository, tag=digest, auth_config=auth, stream=True, decode=True):
                stop()
                if "error" in line:
                    raise _StreamFailed(str(line["error"]))

        self._call("pull", go, ErrorCode.SOURCE_UNAVAILABLE, registry=True)

    def build(self, context: IO[bytes], options: dict[str, Any], headers: dict[str, str]) -> Any:
        """Begin a build; answers its messages, an iterator with `close()`, for `next_message`. Who closes early cancels
        it. Raises Failure(build_failed). Not the SDK's build(): that cannot be closed while a step says nothing."""

        def go() -> Any:
            api, wait = self._api, (TIMEOUT_S, None)
            url = api._url("/build")
            answer = api._post(url, data=context, params=options, headers=headers, stream=True, timeout=wait)
            refused = iter([{"error": answer.json()["message"]}]) if answer.status_code >= 400 else None
            return CancellableStream(refused or api._stream_helper(answer, decode=True), answer)

        return self._call("build", go, ErrorCode.BUILD_FAILED)

    def next_message(self, messages: Any) -> dict[str, Any] | None:
        """The next message of a build; None at its end. Raises Failure(engine_unreachable)."""
        return self._call("build", lambda: next(messages, None), ErrorCode.BUILD_FAILED)

    def remove_image(self, reference: str) -> None:
        """Remove an image's name, and the image when nothing uses it. One that is gone or in use is fine."""
        self._call("remove image", lambda: _if_there(lambda: self._api.remove_image(reference)))

    def create(self, new: NewContainer) -> str:
        """Create a container, not started; answers its id. Raises Failure(create_failed)."""

        def go() -> str:
            # Labelled here, because Docker would create them without a label when the container starts.
            for volume in new.volumes:
                self._api.create_volume(volume, labels=new.volume_labels)
            given = new.config() | {"host_config": self._api.create_host_config(**new.host_config())}
            try:
                return str(self._api.create_container(**given)["Id"])
            except APIError as error:
                if error.status_code != 409 or not new.other_name:  # 409: the name is taken
                    raise
            return str(self._api.create_container(**given | {"name": new.other_name})["Id"])

        return self._call("create", go, ErrorCode.CREATE_FAILED)

    def start(self, container_id: str) -> None:
        """Start a container. Raises Failure: host_not_ready, start_failed; why is for the caller to look up."""
        self._call("start", lambda: self._api.start(container_id), ErrorCode.START_FAILED)

    def stop(self, container_id: str, timeout_s: int) -> None:
        """Stop a container, killing it after `timeout_s`. One that is gone or stopped is fine."""
        self._call("stop", lambda: _if_there(lambda: self._api.stop(container_id, timeout=timeout_s)))

    def remove(self, container_id: str) -> None:
        """Remove a container whatever its state, with its anonymous volumes. One that is gone is fine."""
        self._call("remove", lambda: _if_there(lambda: self._api.remove_container(container_id, v=True, force=True)))

    def inspect(self, container_id: str) -> ContainerRecord | None:
        """What a container is and does now; None when it is gone."""

        def ask() -> ContainerRecord | None:
            try:
                return oom_kills.completed(container_record(self._api.inspect_container(container_id)))
            except NotFound:
                return None

        return self._call("inspect", ask)

    def find(self, labels: dict[str, str]) -> list[ContainerRecord]:
        """All containers, stopped ones too, that carry every one of these labels."""
        wanted = {"label": [f"{key}={value}" if value else key for key, value in labels.items()]}
        listed = self._call("list", lambda: self._api.containers(all=True, filters=wanted))
        records = (self.inspect(entry["Id"]) for entry in listed)
        return [record for record in records if record is not None]

    def log_tail(self, container_id: str, lines: int) -> list[str]:
        """The last lines that a container wrote, both streams, oldest first."""
        raw: bytes = self._call("logs", lambda: _if_there(lambda: self._api.logs(container_id, tail=lines)) or b"")
        return raw.decode(errors="replace").splitlines()

    def memory_total(self) -> int:
        """Bytes of RAM of the Docker host: what the Engine reports as the limit of a container without one."""
        return int(self._call("info", lambda: self._api.info()["MemTotal"]))

    @property
    def _api(self) -> Any:
        return self._connected(TIMEOUT_S)

    def _connected(self, timeout_s: int) -> Any:
        with self._lock:
            if timeout_s not in self._clients:
                self._clients[timeout_s] = docker.DockerClient(
                    base_url=self.address, timeout=timeout_s, max_pool_size=CONNECTIONS, version="auto"
                )
            return self._clients[timeout_s].api

    def _call(
        self, what: str, action: Callable[[], T], code: ErrorCode = ErrorCode.INTERNAL, *, registry: bool = False
    ) -> T:
        try:
            return action()
        except (*_ERRORS, _StreamFailed) as error:
            caught: Exception = error
        # Raised out here so that the foreign exception is not its context.
        code = _code(caught, code, registry)
        self._log.warning(
            "docker: %s failed", what, extra={"code": str(code), "detail": f"{type(caught).__name__}: {caught}"}
        )
        raise Failure(code, type(caught).__name__)


def paths_to_send(root: Path, ignored: list[str], dockerfile: str) -> list[str]:
    """Files, directories and links below a build's context that its .dockerignore does not leave out, sorted."""
    return sorted(exclude_paths(str(root), ignored, dockerfile))


def _code(error: Exception, default: ErrorCode, registry: bool) -> ErrorCode:
    if not isinstance(error, APIError | _StreamFailed):
        return ErrorCode.ENGINE_UNREACHABLE
    if not registry:
        words = str(error.explanation or "") if isinstance(error, APIError) else str(error)
        return ErrorCode.HOST_NOT_READY if is_host_not_ready(words) else default
    return error_code_for(error.status_code if isinstance(error, APIError) else None, str(error))


def _if_there(action: Callable[[], T]) -> T | None:
    try:
        return action()
    except NotFound:
        return None
    except APIError as error:
        if error.status_code == 409:  # its removal is already under way
            return None
        raise
