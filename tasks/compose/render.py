"""One compose file through `docker compose config`: as it is to be stored, and with its paths as written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from db.states import ErrorCode
from tasks.compose import cli, model
from tasks.context import Context
from tasks.failures import Failure, attempt, translated


def project_of(context: Context, workload: str) -> str:
    """Return the name of a workload's project: its networks and volumes contain it, so it never changes."""
    return f"backstay-{context.installation[:8]}-{workload}"


class Unrendered(Exception):  # noqa: N818 - it names what happened
    """Docker Compose refuses the file. `output`: its words, which may quote the file: not to be stored or shown."""

    def __init__(self, output: bytes) -> None:
        super().__init__()
        self.output = output


class Render:
    """A file as Docker Compose renders it, once `read` was called. `marked`: secret -> its placeholder in `values`."""

    def __init__(
        self,
        context: Context,
        project: str,
        folder: Path,
        files: list[str],
        source: Mapping[str, Any],
        values: Mapping[str, str],
        marked: Mapping[str, str],
        text: str,
        heard: Callable[[bytes], None],
    ) -> None:
        self._context, self._project, self._folder, self._heard = context, project, folder, heard
        self._text, self._values, self._marked = text.encode(), values, marked
        self._arguments = [word for file in files for word in ("--file", file)]
        self._arguments += [word for profile in source.get("profiles") or [] for word in ("--profile", profile)]
        self.model: dict[str, Any] = {}

    def read(self) -> None:
        """Have Docker Compose read the file. Raises Unrendered, Failure(compose_missing)."""
        self.model = self._rendered()

    def as_written(self) -> dict[str, Any]:
        """Return the file with its paths as written, after interpolation. Raises Failure: it was readable before."""
        return translated(
            lambda: self._rendered("--no-path-resolution"),
            Unrendered,
            into=Failure(ErrorCode.INVALID_SOURCE, "compose"),
        )

    def _rendered(self, *options: str) -> dict[str, Any]:
        words: list[bytes] = []

        def heard(output: bytes) -> None:
            words.append(output)
            self._heard(output)

        arguments = [*self._arguments, "config", "--format", "json", *options]
        said = attempt(
            lambda: cli.config(self._context, self._project, self._folder, arguments, self._values, self._text, heard),
            Failure,
        )
        if isinstance(said, Failure):
            if said.code is ErrorCode.INVALID_SOURCE:
                raise Unrendered(b"".join(words))
            raise said.with_traceback(None)
        read = attempt(lambda: model.unmarked(said, self._marked), ValueError)
        if isinstance(read, ValueError):
            raise Unrendered(b"")
        return read
