"""A compose file through `docker compose config`: as it is to be stored, and with its paths as written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db.states import ErrorCode
from tasks.compose import cli, model
from tasks.compose.reading import env_files
from tasks.compose.reading.opened_files import EnvFile
from tasks.context import Context
from tasks.failures import Failure, attempt, translated


def project_of(context: Context, workload: str) -> str:
    """Return the name of a workload's project: its networks and volumes contain it, so it never changes."""
    return f"backstay-{context.installation[:8]}-{workload}"


class Unrendered(Exception):  # noqa: N818 - it names what happened
    """Docker Compose refuses the file. `output`: its words, which may quote the file: not to be stored or shown.
    `missing`: files of variables that it did not find. `too_large`: it was stopped at a limit."""

    def __init__(self, output: bytes, missing: Sequence[EnvFile] = (), *, too_large: bool = False) -> None:
        super().__init__()
        self.output, self.missing, self.too_large = output, missing, too_large


@dataclass(frozen=True)
class Files:
    """What is read. `tree`: the directory that nothing is read outside of. `folder`: the one of the project, in it.
    `names`: of the files in their order, or `-` for `text`."""

    tree: Path
    folder: Path
    names: Sequence[str]
    env_files: Sequence[EnvFile]
    text: str = ""


@dataclass(frozen=True)
class Values:
    """What is interpolated. `marked`: secret -> its placeholder, which `given`, the values of all variables, has."""

    given: Mapping[str, str]
    marked: Mapping[str, str]


class Render:
    """A file as Docker Compose renders it, once `read` was called. `heard` is handed what it writes beside the file."""

    def __init__(
        self,
        context: Context,
        project: str,
        profiles: Sequence[str],
        files: Files,
        values: Values,
        heard: Callable[[bytes], None],
    ) -> None:
        self._context, self._project, self._files, self._values, self._heard = context, project, files, values, heard
        self._arguments = [word for file in files.names for word in ("--file", file)]
        self._arguments += [word for profile in profiles for word in ("--profile", profile)]
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
        files = self._files

        def heard(output: bytes) -> None:
            words.append(output)
            self._heard(output)

        arguments = [*self._arguments, "config", "--format", "json", *options]
        given, text = self._values.given, files.text.encode()
        with env_files.provided(files.tree, files.env_files, given):
            said = attempt(
                lambda: cli.config(self._context, self._project, files.folder, arguments, given, text, heard), Failure
            )
            missing = env_files.missing(files.tree, files.env_files)
        if isinstance(said, Failure):
            if said.code is not ErrorCode.INVALID_SOURCE:
                raise said.with_traceback(None)
            raise Unrendered(b"".join(words), missing, too_large=said.kind == cli.TOO_LARGE)
        read = attempt(lambda: model.unmarked(said, self._values.marked), ValueError)
        if isinstance(read, ValueError):
            raise Unrendered(b"")
        return read
