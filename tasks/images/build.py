"""Image builds by the Engine's classic builder: sends a tar, writes the log, can be cancelled, has a timeout.

Docker removes the remains of a build when its connection closes, also when the engine is killed.
"""

from __future__ import annotations

import base64
import json
import queue
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import IO, Any

from db.access import accounts
from db.serialize import iso
from db.states import ErrorCode
from tasks.context import Context
from tasks.credentials import Credentials, auth_config
from tasks.docker.caller import Messages
from tasks.docker.client import DockerEngine
from tasks.docker.host_errors import is_host_not_ready
from tasks.failures import Failure
from tasks.image_reference import DOCKER_HUB
from tasks.images.build_log import BuildLog

_LOOK_EACH_S = 0.5
HUB = "https://index.docker.io/v1/"  # the builder's name for docker.io
BUILT_FOR, BUILT_BY = "backstay.built-for", "backstay.built-by"


def build(
    context: Context,
    tar: IO[bytes],
    dockerfile: str,
    tag: str,
    labels: Mapping[str, str],
    log: BuildLog,
    look: Callable[[], None],
    more: Mapping[str, str] | None = None,
) -> str:
    """Build an image and name it `tag`; return its id. `look` is called each half second and may raise to end it.
    `more`: further options of the Engine's builder, such as `target` and `buildargs`.

    A base image is taken from the host if present, else pulled with the credentials of its registry. Raises Failure:
    build_failed, host_not_ready, engine_unreachable.
    """
    options = {
        "t": tag,
        "dockerfile": dockerfile,
        "rm": True,
        "forcerm": True,
        "labels": json.dumps(dict(labels)),
        **(more or {}),
    }
    deadline = time.monotonic() + context.settings.build_timeout
    logins = _logins(context)

    def go_on() -> None:
        look()
        if time.monotonic() > deadline:
            log.say(f"The build took longer than {context.settings.build_timeout} seconds.")
            raise Failure(ErrorCode.BUILD_FAILED, "timeout")

    image_id = follow(context.docker, tar, options, logins, log.write, go_on)
    log.say(f"Built {image_id}")
    return image_id


def follow(
    docker: DockerEngine,
    tar: IO[bytes],
    options: dict[str, Any],
    logins: Mapping[str, Credentials],
    write: Callable[[str], None],
    look: Callable[[], None],
) -> str:
    """Run a build to its end; return the id of the image. Raises Failure, and what `look` raises."""
    said: queue.Queue[dict[str, Any] | Failure | None] = queue.Queue()
    opened: list[Messages] = []
    over = threading.Event()

    def listen() -> None:
        # In a separate thread, because a step may be silent for minutes, and a cancel must not wait for it.
        try:
            opened.append(docker.images.build(tar, options, _headers(logins)))
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
    try:
        return _read(said, write, look)
    finally:
        over.set()
        if opened:
            opened[0].close()
        listener.join(5)


def quietly(docker: DockerEngine, tar: IO[bytes], tag: str) -> str:
    """Build an image without a log and without a way to cancel it, for the demo. Raises Failure as follow does."""
    options = {"t": tag, "rm": True, "forcerm": True}
    return follow(docker, tar, options, {}, lambda _: None, lambda: None)


def _read(
    said: queue.Queue[dict[str, Any] | Failure | None], write: Callable[[str], None], look: Callable[[], None]
) -> str:
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
        write(text_of(message))
        if "error" in message:
            lacking = is_host_not_ready(str(message["error"]))
            raise Failure(ErrorCode.HOST_NOT_READY if lacking else ErrorCode.BUILD_FAILED, "step")
        image_id = str((message.get("aux") or {}).get("ID") or image_id)
    if not image_id:  # the connection closed before the build finished
        raise Failure(ErrorCode.ENGINE_UNREACHABLE, "build")
    return image_id


def text_of(message: Mapping[str, Any]) -> str:
    """Return what a message of the Engine adds to the log: output unchanged, a pull without its progress bars."""
    if "stream" in message:
        return str(message["stream"])
    if "error" in message:
        return f"{message['error']}\n"
    if "status" in message and not message.get("progressDetail"):
        layer = f"{message['id']}: " if message.get("id") else ""
        return f"{layer}{message['status']}\n"
    return ""


def labels_of(installation: str, workload: str, moment: datetime, **facts: str) -> dict[str, str]:
    """Return the labels of an image built here: the OCI ones, and its owner.

    Not the labels of a container: a container inherits an image's labels, and one that someone else starts from it
    would look like ours. facts: revision, source (an address without credentials), version.
    """
    oci = {"created": iso(moment) or "", **facts}
    return {f"org.opencontainers.image.{key}": value for key, value in oci.items()} | {
        BUILT_FOR: workload,
        BUILT_BY: installation,
    }


def _headers(logins: Mapping[str, Credentials]) -> dict[str, str]:
    known = json.dumps({host: auth_config(one) for host, one in logins.items()})
    return {
        "Content-Type": "application/x-tar",
        "X-Registry-Config": base64.urlsafe_b64encode(known.encode()).decode(),
    }


def _logins(context: Context) -> dict[str, Credentials]:
    with context.database.reading() as session:
        hosts = [row.host for row in accounts.registries(session)]
    found = {host: context.credentials_for(host) for host in hosts}
    return {HUB if host == DOCKER_HUB else host: one for host, one in found.items() if one is not None}
