"""One build by the Engine, from its request to the image: streams the log, watches for the end of patience.

Docker removes the remains of a build when its connection closes, also when the engine is killed.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import IO, Any

from db.states import ErrorCode
from tasks.docker.caller import Messages
from tasks.docker.client import DockerEngine
from tasks.docker.host_errors import is_host_not_ready
from tasks.failures import Failure
from tasks.images.build_progress import Progress

REFUSED = "refused"  # the kind of failure of a build that the Engine did not begin
STEP = "step"  # of one that ended with an error of the builder
_LOOK_EACH_S = 0.5

_Said = queue.Queue[dict[str, Any] | Failure | None]


def follow(
    docker: DockerEngine,
    tar: IO[bytes],
    options: dict[str, Any],
    headers: dict[str, str],
    write: Callable[[str], None],
    look: Callable[[], None],
) -> str:
    """Run a build to its end; return the id of the image. Raises Failure, and what `look` raises."""
    said: _Said = queue.Queue()
    opened: list[Messages] = []
    over = threading.Event()

    def listen() -> None:
        # In a separate thread, because a step may be silent for minutes, and a cancel must not wait for it.
        try:
            opened.append(docker.builds.start(tar, options, headers))
            while not over.is_set() and (message := opened[0].next()) is not None:
                said.put(message)
            said.put(None)
        except Failure as failure:
            said.put(Failure(failure.code, failure.kind))
        except Exception as error:  # the connection was closed during the read
            said.put(Failure(ErrorCode.INTERNAL, type(error).__name__))
        finally:
            if over.is_set() and opened:
                opened[0].close()

    listener = threading.Thread(target=listen, name="build", daemon=True)
    listener.start()
    progress = Progress()
    try:
        return _read(said, lambda message: write(progress.text_of(message)), look)
    finally:
        write(progress.rest())
        over.set()
        if opened:
            opened[0].close()
        listener.join(5)


def _read(said: _Said, show: Callable[[Mapping[str, Any]], None], look: Callable[[], None]) -> str:
    image_id, looked_at = "", time.monotonic()
    while True:
        try:
            message = said.get(timeout=_LOOK_EACH_S)
        except queue.Empty:
            message = {}
        if time.monotonic() - looked_at >= _LOOK_EACH_S or not message:
            looked_at = time.monotonic()
            look()
        if isinstance(message, Failure):
            raise message
        if message is None:
            break
        show(message)
        if "error" in message:
            raise _failure(message)
        if isinstance(aux := message.get("aux"), dict):
            image_id = str(aux.get("ID") or image_id)
    if not image_id:  # the connection closed before the build finished
        raise Failure(ErrorCode.ENGINE_UNREACHABLE, "build")
    return image_id


def _failure(message: Mapping[str, Any]) -> Failure:
    if is_host_not_ready(str(message["error"])):
        return Failure(ErrorCode.HOST_NOT_READY, STEP)
    return Failure(ErrorCode.BUILD_FAILED, REFUSED if message.get("refused") else STEP)
