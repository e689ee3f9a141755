"""Builds by the Docker Engine: its builder, the session of a build, the build cache. Decides nothing."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any

from db.states import ErrorCode
from tasks.credentials import Credentials
from tasks.docker.build_session import BuildSession
from tasks.docker.caller import Caller, Duplex, Messages
from tasks.docker.records import Builder, builder

BUILDKIT = "2"  # the `version` of a build


class OpenSession:
    """A session that the Engine may call as long as it is open. `id` names it to the build."""

    def __init__(self, session_id: str, connection: Duplex, session: BuildSession) -> None:
        self.id, self._connection, self._session = session_id, connection, session
        threading.Thread(target=self._serve, name="build session", daemon=True).start()

    def close(self) -> None:
        """End the session. Its secrets are no longer handed out."""
        self._connection.close()

    def _serve(self) -> None:
        # Ends with the connection. A build that still needs it then fails by itself, with a message of its own.
        with suppress(OSError, ValueError):
            self._connection.send(self._session.greeting())
            while data := self._connection.receive():
                self._connection.send(self._session.receive(data))
        self._connection.close()


class Builds:
    """The Engine's operations on builds."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def builder(self) -> Builder:
        """Return which builder the Engine has."""

        def ask(api: Any) -> Builder:
            advertised = api._get(api._url("/_ping")).headers.get("Builder-Version", "")
            return builder(api.version(), advertised)

        return self._caller.ask("builder", ask)

    def open_session(self, logins: Mapping[str, Credentials], secrets: Mapping[str, bytes]) -> OpenSession:
        """Open a session for one build. Raises Failure: build_failed where the Engine refuses sessions."""
        session_id = uuid.uuid4().hex
        names = {"Uuid": session_id, "Name": "backstay", "Sharedkey": ""}
        headers = {f"X-Docker-Expose-Session-{key}": value for key, value in names.items()}
        connection = self._caller.upgrade("build session", "/session", "h2c", headers, ErrorCode.BUILD_FAILED)
        return OpenSession(session_id, connection, BuildSession(logins, secrets))

    def start(self, context: IO[bytes], options: dict[str, Any], headers: dict[str, str]) -> Messages:
        """Begin a build; return its messages. Closing them early cancels it. Raises Failure(build_failed)."""
        stream = self._caller.post("build", "/build", context, options, headers)
        return Messages(self._caller, "build", stream, ErrorCode.BUILD_FAILED)

    def cache_bytes(self) -> int:
        """Return the size of the build cache, without what images share with it. Slow on a host with many images."""

        def ask(api: Any) -> int:
            cache = api.df().get("BuildCache") or []
            return sum(int(one.get("Size") or 0) for one in cache if not one.get("Shared"))

        return self._caller.ask("build cache", ask)

    def prune_cache(self, keep_bytes: int) -> int:
        """Shrink the build cache to this size, the least recently used first; return the bytes freed. What a build is
        using stays."""

        def ask(api: Any) -> int:
            found = api.prune_builds(keep_storage=keep_bytes, all=True)
            return int(found.get("SpaceReclaimed") or 0)

        return self._caller.ask("prune build cache", ask)
